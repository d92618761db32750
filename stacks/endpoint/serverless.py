"""The serverless kind: settings and parameters become a ServerlessEndpoint."""

from __future__ import annotations

from sagemaker_workflow.acknowledge import acknowledge
from sagemaker_workflow.endpoints import Serverless, ServerlessEndpoint
from stacks import parameters, settings
from stacks.endpoint.shared import Served


def build(served: Served, block: settings.Serverless) -> None:
    """The endpoint is in the stack."""
    memory, concurrency, provisioned = parameters.serverless(
        served.stack, block.memory_mb, block.max_concurrency, block.provisioned_concurrency
    )
    endpoint = ServerlessEndpoint(
        served.stack,
        "Endpoint",
        model=served.model,
        name=served.endpoint_name,
        capacity=Serverless(
            memory_mb=memory,
            max_concurrency=concurrency,
            provisioned_concurrency=provisioned,
        ),
        rollout=served.rollout(block.rollout, on_instances=False),
        operations=served.operations,
    )
    acknowledge(
        endpoint.config,
        "CloudFormation-Validate::F3034",
        "the parameter's 0 never reaches ProvisionedConcurrency: Fn::If leaves it out then,"
        " which the validator does not follow",
    )
