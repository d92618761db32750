"""The asynchronous kind: settings and parameters become an AsyncEndpoint."""

from __future__ import annotations

from sagemaker_workflow.endpoints import AsyncEndpoint, AsyncResults
from stacks import settings
from stacks.endpoint.shared import Served


def build(served: Served, block: settings.Async) -> None:
    """The endpoint is in the stack."""
    AsyncEndpoint(
        served.stack,
        "Endpoint",
        model=served.model,
        name=served.endpoint_name,
        results=AsyncResults(
            bucket=served.artifacts,
            prefix=f"async/{served.name}",
            max_concurrent_per_instance=block.max_concurrent_invocations_per_instance,
            notification_email=served.email,
        ),
        capacity=served.instances(block),
        rollout=served.rollout(block.rollout, on_instances=True),
        scaling=served.scaling(block, 0, block.backlog_per_instance),
        operations=served.operations,
    )
