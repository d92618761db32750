"""CloudWatch's embedded metric format: a log line that is a metric, with no call to any service."""

from __future__ import annotations

import time

_DEFINITIONS = [
    {"Name": "PredictionTime", "Unit": "Milliseconds"},
    {"Name": "Rows", "Unit": "Count"},
    {"Name": "BatchedRequests", "Unit": "Count"},
    {"Name": "ClientErrors", "Unit": "Count"},
    {"Name": "ServerErrors", "Unit": "Count"},
]


def metrics_of(
    namespace: str, status: int, milliseconds: float, rows: int | None, batch: int
) -> dict[str, object]:
    """The fields that make a log line CloudWatch metrics in `namespace`.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    return {
        "_aws": {
            "Timestamp": round(time.time() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": namespace, "Dimensions": [[]], "Metrics": _DEFINITIONS}
            ],
        },
        "PredictionTime": milliseconds,
        "Rows": rows or 0,
        "BatchedRequests": batch,
        "ClientErrors": int(400 <= status < 500),
        "ServerErrors": int(status >= 500),
    }
