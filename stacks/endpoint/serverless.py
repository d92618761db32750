"""The serverless kind: settings and parameters become a ServerlessEndpoint."""

from __future__ import annotations

from sagemaker_workflow.acknowledge import acknowledge
from sagemaker_workflow.endpoints import Scaling, Serverless, ServerlessEndpoint
from stacks import parameters, settings
from stacks.endpoint.shared import Served, schedules
from stacks.settings.endpoints.scaling import Provisioned


def build(served: Served, block: settings.Serverless) -> None:
    """The endpoint is in the stack."""
    asked = block.scaling
    memory, concurrency = parameters.serverless(
        served.stack,
        block.memory_mb,
        parameters.Concurrency(
            most=block.max_concurrency,
            provisioned=block.provisioned_concurrency,
            bounds=(asked.min_capacity, asked.max_capacity) if asked else None,
        ),
    )
    endpoint = ServerlessEndpoint(
        served.stack,
        "Endpoint",
        model=served.model,
        name=served.endpoint_name,
        capacity=Serverless(
            memory_mb=memory,
            max_concurrency=concurrency.most,
            provisioned_concurrency=concurrency.provisioned,
        ),
        scaling=_scaling(asked, concurrency.bounds) if asked and concurrency.bounds else None,
        rollout=served.rollout(block.rollout, on_instances=False),
        operations=served.operations,
    )
    if asked is None:
        acknowledge(
            endpoint.config,
            "CloudFormation-Validate::F3034",
            "the parameter's 0 never reaches ProvisionedConcurrency: Fn::If leaves it out then,"
            " which the validator does not follow",
        )


def _scaling(asked: Provisioned, bounds: tuple[int, int]) -> Scaling:
    return Scaling(
        min_capacity=bounds[0],
        max_capacity=bounds[1],
        target=asked.target,
        scale_in_cooldown_seconds=asked.scale_in_cooldown_seconds,
        scale_out_cooldown_seconds=asked.scale_out_cooldown_seconds,
        schedules=schedules(asked),
    )
