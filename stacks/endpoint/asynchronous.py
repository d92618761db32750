"""The asynchronous kind: settings and parameters become an AsyncEndpoint."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration

from sagemaker_workflow.endpoints import AsyncEndpoint, AsyncResults, Queues
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
            include_response=block.include_response,
            max_age_seconds=block.max_age_seconds,
            queues=_queues(block),
        ),
        capacity=served.instances(block),
        rollout=served.rollout(block.rollout, on_instances=True),
        scaling=served.scaling(block, 0, block.backlog_per_instance),
        operations=served.operations,
    )


def expiring(endpoints: Mapping[str, object]) -> dict[str, Duration]:
    """Where the asynchronous endpoints write, and how long that is kept."""
    return {
        f"async/{name}/{outcome}/": Duration.days(block.expire_results_days)
        for name, block in endpoints.items()
        if isinstance(block, settings.Async) and block.expire_results_days
        for outcome in ("output", "failure")
    }


def _queues(block: settings.Async) -> Queues | None:
    asked = block.queues
    if asked is None:
        return None
    return Queues(
        max_receives=asked.max_receives,
        visibility_seconds=asked.visibility_seconds,
        retention_days=asked.retention_days,
    )
