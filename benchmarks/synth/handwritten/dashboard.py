"""The dashboard, spelt as CloudWatch does."""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from handwritten.words import HERE

_REQUESTS, _HOSTS = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
_COST = "real-time. Never fewer than **2** instances: at least **1460** instance-hours a month."


def build_dashboard(stack: Stack, name: str, alarm_arns: list[str]) -> None:
    """A dashboard of the endpoint's alarms, requests, latencies and machines exists."""
    of = ["EndpointName", name, "VariantName", "primary"]
    hidden = {"stat": "Sum", "visible": False}
    widgets: list[dict[str, Any]] = [
        _wide("text", {"markdown": f"# {name}\n{_COST}"}),
        _wide("alarm", {"title": "Alarms", "alarms": alarm_arns}),
        _graph(
            "requests and errors",
            [
                [_REQUESTS, "Invocations", *of],
                [_REQUESTS, "Invocation4XXErrors", *of],
                [_REQUESTS, "Invocation5XXErrors", *of],
                [_REQUESTS, "InvocationModelErrors", *of],
            ],
        ),
        _graph(
            "model and overhead, µs",
            [
                [_REQUESTS, metric, *of, {"stat": stat, "label": f"{metric} {stat}"}]
                for metric in ("ModelLatency", "OverheadLatency")
                for stat in ("p50", "p99")
            ],
        ),
        _graph(
            "instances (requests by requests per instance)",
            [
                [{"expression": "IF(below > 0, above / below)", "label": "instances"}],
                [_REQUESTS, "Invocations", *of, {"id": "above", **hidden}],
                [_REQUESTS, "InvocationsPerInstance", *of, {"id": "below", **hidden}],
            ],
        ),
        _graph(
            "use of instances, %",
            [
                [_HOSTS, f"{what}Utilization", *of, {"stat": "Average"}]
                for what in ("CPU", "Memory", "GPU", "GPUMemory", "Disk")
            ],
        ),
    ]
    body = json.dumps({"widgets": widgets}, ensure_ascii=False, separators=(",", ":"))
    cloudwatch.CfnDashboard(
        stack, "Dashboard", dashboard_name=f"{name}-{HERE}", dashboard_body=body
    )


def _wide(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "width": 24, "height": 2, "properties": properties}


def _graph(title: str, metrics: list[list[Any]]) -> dict[str, Any]:
    properties = {
        "title": f"primary: {title}",
        "region": HERE,
        "view": "timeSeries",
        "period": 60,
        "stat": "Sum",
        "metrics": metrics,
        "yAxis": {"left": {"min": 0}},
    }
    return {"type": "metric", "width": 12, "height": 6, "properties": properties}
