"""One graph of a dashboard, as CloudWatch spells it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws

REQUESTS, HOSTS = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
WIDE, HIGH = 12, 6


def requests(of: Sequence[str], *metrics: str) -> list[list[Any]]:
    """Sums of what is counted by request, under the dimensions `of`."""
    return [[REQUESTS, metric, *of] for metric in metrics]


def percentiles(of: Sequence[str], *metrics: str) -> list[list[Any]]:
    """The median and the 99th percentile of each metric."""
    return [
        [REQUESTS, metric, *of, {"stat": stat, "label": f"{metric} {stat}"}]
        for metric in metrics
        for stat in ("p50", "p99")
    ]


def ratio(
    title: str, of: Sequence[str], above: str, below: str, stat: str, *, label: str = "instances"
) -> dict[str, Any]:
    """How many there are: one metric by the same one of each."""
    return graph(
        title,
        [
            [{"expression": "IF(below > 0, above / below)", "label": label}],
            [REQUESTS, above, *of, {"id": "above", "stat": stat, "visible": False}],
            [REQUESTS, below, *of, {"id": "below", "stat": stat, "visible": False}],
        ],
    )


@functools.cache
def region() -> str:
    """The deployment's region, asked of CDK once: it is the same for every stack."""
    return Aws.REGION


def graph(title: str, metrics: list[list[Any]]) -> dict[str, Any]:
    """A graph by the minute, from nothing up."""
    return {
        "type": "metric",
        "width": WIDE,
        "height": HIGH,
        "properties": {
            "title": title,
            "region": region(),
            "view": "timeSeries",
            "period": 60,
            "stat": "Sum",
            "metrics": metrics,
            "yAxis": {"left": {"min": 0}},
        },
    }
