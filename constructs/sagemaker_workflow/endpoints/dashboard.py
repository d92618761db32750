"""One dashboard an endpoint: what is asked of it, how it answers, what it runs on, what it costs.

Metrics and their dimensions differ by kind (contracts 3.5, 4, 5.5): an asynchronous endpoint has no
Invocations, its queue is the endpoint's and not a variant's, a serverless one has no machines.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any, Literal

from aws_cdk import Aws
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from sagemaker_workflow.faults import known

Kind = Literal["real-time", "serverless", "asynchronous"]

_REQUESTS, _HOSTS = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
_HOURS_A_MONTH = 730
_WIDE, _HIGH = 12, 6


def build_dashboard(
    scope: Construct,
    *,
    name: str,
    kind: Kind,
    variants: Sequence[str],
    alarms: Sequence[str],
    floors: Sequence[int],
) -> cloudwatch.CfnDashboard:
    """The dashboard `<name>-<region>` exists: dashboards are an account's, not a region's.

    :param variants: names of the variants that answer
    :param alarms: ARNs of the endpoint's alarms
    :param floors: instances of each fleet that are there whatever the load; none of serverless
    """
    graphs = [one for variant in variants for one in _graphs(name, kind, variant)]
    if kind == "asynchronous":
        graphs = [*_queue(name), *graphs]
    widgets: list[dict[str, Any]] = [
        {
            "type": "text",
            "width": 2 * _WIDE,
            "height": 2,
            "properties": {"markdown": f"# {name}\n{kind}. {_cost(floors)}"},
        }
    ]
    if alarms:
        widgets.append(
            {
                "type": "alarm",
                "width": 2 * _WIDE,
                "height": 2,
                "properties": {"title": "Alarms", "alarms": list(alarms)},
            }
        )
    widgets += graphs
    return cloudwatch.CfnDashboard(
        scope,
        "Dashboard",
        dashboard_name=f"{name}-{_region()}",
        # References are names and numbers, in which JSON has nothing to escape.
        dashboard_body=json.dumps({"widgets": widgets}, ensure_ascii=False, separators=(",", ":")),
    )


def _cost(floors: Sequence[int]) -> str:
    """What it costs at least. No prices: none is known here, and they differ by region."""
    if not floors:
        return "No instances; only provisioned concurrency costs anything while nobody asks."
    if not all(map(known, floors)):
        least = " + ".join(map(str, floors))
        return (
            f"Never fewer than **{least}** instances: that many times {_HOURS_A_MONTH} "
            "instance-hours a month."
        )
    floor = sum(floors)
    if floor == 0:
        return "Down to **0** instances: nothing while nobody asks."
    return (
        f"Never fewer than **{floor}** instance{'s' if floor > 1 else ''}: at least "
        f"**{floor * _HOURS_A_MONTH}** instance-hours a month."
    )


def _graphs(name: str, kind: Kind, variant: str) -> list[dict[str, Any]]:
    of = ["EndpointName", name, "VariantName", variant]

    def requests(*metrics: str) -> list[list[Any]]:
        return [[_REQUESTS, metric, *of] for metric in metrics]

    def percentiles(*metrics: str) -> list[list[Any]]:
        return [
            [_REQUESTS, metric, *of, {"stat": stat, "label": f"{metric} {stat}"}]
            for metric in metrics
            for stat in ("p50", "p99")
        ]

    hosts = _graph(
        f"{variant}: use of instances, %",
        [
            [_HOSTS, metric, *of, {"stat": "Average"}]
            for metric in (
                "CPUUtilization",
                "MemoryUtilization",
                "GPUUtilization",
                "GPUMemoryUtilization",
                "DiskUtilization",
            )
        ],
    )
    if kind == "asynchronous":
        return [
            _graph(
                f"{variant}: failures",
                requests(
                    "InvocationFailures",
                    "ExpiredRequests",
                    "RequestDownloadFailures",
                    "ResponseUploadFailures",
                    "NotificationFailures",
                ),
            ),
            _graph(f"{variant}: model, µs", percentiles("ModelLatency")),
            _graph(
                f"{variant}: from the queue to the result, ms",
                percentiles("TimeInBacklog", "TotalProcessingTime"),
            ),
            hosts,
        ]
    asked = _graph(
        f"{variant}: requests and errors",
        requests(
            "Invocations",
            "Invocation4XXErrors",
            "Invocation5XXErrors",
            "InvocationModelErrors",
        ),
    )
    latency = _graph(
        f"{variant}: model and overhead, µs", percentiles("ModelLatency", "OverheadLatency")
    )
    if kind == "serverless":
        cold = [[_REQUESTS, "ModelSetupTime", *of, {"stat": "Maximum"}]]
        return [asked, latency, _graph(f"{variant}: cold starts, µs", cold)]
    return [asked, latency, _instances(variant, of), hosts]


def _queue(name: str) -> list[dict[str, Any]]:
    of = ["EndpointName", name]
    backlog, each = "ApproximateBacklogSize", "ApproximateBacklogSizePerInstance"
    return [
        _graph(
            "Queue",
            [
                [_REQUESTS, backlog, *of, {"stat": "Average"}],
                [_REQUESTS, each, *of, {"stat": "Average"}],
                [_REQUESTS, "HasBacklogWithoutCapacity", *of, {"stat": "Maximum"}],
            ],
        ),
        _graph(
            "Age of the oldest request, s",
            [[_REQUESTS, "ApproximateAgeOfOldestRequest", *of, {"stat": "Maximum"}]],
        ),
        _ratio("Instances (backlog by backlog per instance)", of, backlog, each, "Average"),
    ]


def _instances(variant: str, of: Sequence[str]) -> dict[str, Any]:
    """How many there are: the service publishes no count, but requests in all and per instance."""
    title = f"{variant}: instances (requests by requests per instance)"
    return _ratio(title, of, "Invocations", "InvocationsPerInstance", "Sum")


def _ratio(title: str, of: Sequence[str], above: str, below: str, stat: str) -> dict[str, Any]:
    return _graph(
        title,
        [
            [{"expression": "IF(below > 0, above / below)", "label": "instances"}],
            [_REQUESTS, above, *of, {"id": "above", "stat": stat, "visible": False}],
            [_REQUESTS, below, *of, {"id": "below", "stat": stat, "visible": False}],
        ],
    )


@functools.cache
def _region() -> str:
    """The deployment's region, asked of CDK once: it is the same for every stack."""
    return Aws.REGION


def _graph(title: str, metrics: list[list[Any]]) -> dict[str, Any]:
    return {
        "type": "metric",
        "width": _WIDE,
        "height": _HIGH,
        "properties": {
            "title": title,
            "region": _region(),
            "view": "timeSeries",
            "period": 60,
            "stat": "Sum",
            "metrics": metrics,
            "yAxis": {"left": {"min": 0}},
        },
    }
