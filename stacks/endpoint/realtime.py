"""The real-time kind: settings and parameters become a RealtimeEndpoint."""

from __future__ import annotations

from sagemaker_workflow.endpoints import RealtimeEndpoint
from stacks import settings
from stacks.endpoint.shared import Served


def build(served: Served, block: settings.Realtime) -> None:
    """The endpoint is in the stack."""
    RealtimeEndpoint(
        served.stack,
        "Endpoint",
        model=served.model,
        name=served.endpoint_name,
        capacity=served.instances(block),
        rollout=served.rollout(block.rollout, on_instances=True),
        scaling=served.scaling(block, 1, block.invocations_per_instance),
        operations=served.operations,
    )
