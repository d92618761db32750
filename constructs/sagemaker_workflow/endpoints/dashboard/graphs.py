"""What is shown of each variant, of a queue and of a component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sagemaker_workflow.endpoints.dashboard.widgets import (
    HOSTS,
    REQUESTS,
    graph,
    percentiles,
    ratio,
    requests,
)

Kind = Literal["real-time", "serverless", "asynchronous", "components"]


def variant_graphs(name: str, kind: Kind, variant: str) -> list[dict[str, Any]]:
    """What is asked of a variant, how it answers, and what it runs on."""
    of = ["EndpointName", name, "VariantName", variant]
    hosts = graph(
        f"{variant}: use of instances, %",
        [
            [HOSTS, metric, *of, {"stat": "Average"}]
            for metric in (
                "CPUUtilization",
                "MemoryUtilization",
                "GPUUtilization",
                "GPUMemoryUtilization",
                "DiskUtilization",
            )
        ],
    )
    if kind == "components":
        return [hosts]  # requests are a component's
    if kind == "asynchronous":
        return [
            graph(
                f"{variant}: failures",
                requests(
                    of,
                    "InvocationFailures",
                    "ExpiredRequests",
                    "RequestDownloadFailures",
                    "ResponseUploadFailures",
                    "NotificationFailures",
                ),
            ),
            graph(f"{variant}: model, µs", percentiles(of, "ModelLatency")),
            graph(
                f"{variant}: from the queue to the result, ms",
                percentiles(of, "TimeInBacklog", "TotalProcessingTime"),
            ),
            hosts,
        ]
    asked = graph(
        f"{variant}: requests and errors",
        requests(
            of,
            "Invocations",
            "Invocation4XXErrors",
            "Invocation5XXErrors",
            "InvocationModelErrors",
        ),
    )
    latency = graph(
        f"{variant}: model and overhead, µs", percentiles(of, "ModelLatency", "OverheadLatency")
    )
    if kind == "serverless":
        cold = [[REQUESTS, "ModelSetupTime", *of, {"stat": "Maximum"}]]
        return [asked, latency, graph(f"{variant}: cold starts, µs", cold)]
    return [asked, latency, _instances(variant, of), hosts]


def queue_graphs(name: str) -> list[dict[str, Any]]:
    """The queue of an asynchronous endpoint, which belongs to no variant."""
    of = ["EndpointName", name]
    backlog, each = "ApproximateBacklogSize", "ApproximateBacklogSizePerInstance"
    return [
        graph(
            "Queue",
            [
                [REQUESTS, backlog, *of, {"stat": "Average"}],
                [REQUESTS, each, *of, {"stat": "Average"}],
                [REQUESTS, "HasBacklogWithoutCapacity", *of, {"stat": "Maximum"}],
            ],
        ),
        graph(
            "Age of the oldest request, s",
            [[REQUESTS, "ApproximateAgeOfOldestRequest", *of, {"stat": "Maximum"}]],
        ),
        ratio("Instances (backlog by backlog per instance)", of, backlog, each, "Average"),
    ]


def _instances(variant: str, of: Sequence[str]) -> dict[str, Any]:
    """How many there are: the service publishes no count, but requests in all and per instance."""
    title = f"{variant}: instances (requests by requests per instance)"
    return ratio(title, of, "Invocations", "InvocationsPerInstance", "Sum")


def component_graphs(id_: str, name: str) -> list[dict[str, Any]]:
    """A component's own: the service names it by one dimension, without its endpoint."""
    of = ["InferenceComponentName", name]
    return [
        graph(
            f"{id_}: requests and errors",
            requests(
                of,
                "Invocations",
                "Invocation4XXErrors",
                "Invocation5XXErrors",
                "InvocationModelErrors",
            ),
        ),
        graph(f"{id_}: model, µs", percentiles(of, "ModelLatency")),
        ratio(
            f"{id_}: copies (requests by requests per copy)",
            of,
            "Invocations",
            "InvocationsPerCopy",
            "Sum",
            label="copies",
        ),
        graph(f"{id_}: requests that found no copy", requests(of, "NoCapacityInvocationFailures")),
    ]
