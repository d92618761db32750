"""SageMaker Metrics: BatchPutMetrics, by which a training job reports its own metrics."""

import json
from datetime import UTC, datetime
from typing import Any

from local_aws import adapter, validation
from local_aws.adapter.types import Request
from local_aws.sagemaker.errors import ServiceError

_NAMESPACE = "/aws/sagemaker/TrialComponents"


def batch_put(request: Request) -> dict[str, Any]:
    """The metrics are in CloudWatch; the response lists errors, of which there are none."""
    try:
        params = json.loads(request.body or b"{}")
        validation.validate("sagemaker-metrics", "BatchPutMetrics", params)
    except (ValueError, validation.ValidationError) as error:
        raise ServiceError("ValidationException", str(error)) from error
    for metric in params["MetricData"]:
        adapter.put_metric(
            _NAMESPACE,
            metric["MetricName"],
            metric["Value"],
            unit="None",
            dimensions={"TrialComponentName": params["TrialComponentName"]},
            timestamp=datetime.fromtimestamp(metric["Timestamp"], UTC),
        )
    return {"Errors": []}
