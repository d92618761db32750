"""The kind with components: each block follows a package group by a parameter of its own."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnCondition, CfnOutput, Fn

from sagemaker_workflow.endpoints import Instances
from sagemaker_workflow.endpoints.components import (
    ComponentEndpoint,
    ComponentRollout,
    ComponentScaling,
    Copy,
    ManagedScaling,
)
from sagemaker_workflow.model import Model, ModelPackage
from stacks import parameters
from stacks.endpoint.placed import Placed
from stacks.images import INFERENCE
from stacks.settings.endpoints.components import Component, Components


def build(placed: Placed, block: Components) -> None:
    """The endpoint is in the stack, and a component for each block."""
    stack, active = placed.stack, placed.active()
    packages = {name: parameters.component_package(stack, camel(name)) for name in block.components}
    given = {
        name: CfnCondition(
            stack,
            f"Is{camel(name)}Served",
            expression=Fn.condition_and(
                Fn.condition_not(Fn.condition_equals(package, "")),
                Fn.condition_equals(active, "true"),
            ),
        )
        for name, package in packages.items()
    }
    endpoint = ComponentEndpoint(
        stack,
        "Endpoint",
        name=placed.endpoint_name,
        capacity=Instances(
            instance_type=parameters.choice(
                stack,
                "InstanceType",
                block.instance_type,
                block.allowed_instance_types,
                "What the endpoint runs on",
            ),
            allowed_types=block.allowed_instance_types,
            types_known_here=block.types_known_here,
            count=max(1, block.min_instances),
            volume_gb=block.volume_gb,
            ami_version=block.ami_version,
        ),
        managed=ManagedScaling(
            min_instances=block.min_instances,
            max_instances=block.max_instances,
            scale_in=block.scale_in,
        ),
        operations=placed.operations,
        # No instance before there is a model to put on it.
        condition=_any(placed, list(given.values())),
    )
    image = placed.image(INFERENCE)
    for name, component in block.components.items():
        model = Model(
            stack,
            f"{camel(name)}Model",
            serves=ModelPackage(
                arn=packages[name],
                images=[image],
                artifacts=[(placed.artifacts, "training/")],
            ),
            role=endpoint.role,
            condition=given[name],
        )
        _add(placed, endpoint, name, component, model)
        CfnOutput(
            stack,
            f"ModelPackageGroup{camel(name)}",
            value=component.model_package_group or block.model_package_group or placed.group,
            description=f"An approved version of it becomes {camel(name)}ModelPackageArn",
        )


def camel(name: str) -> str:
    """`fraud-check` -> FraudCheck, for names of parameters and outputs."""
    return "".join(part.capitalize() for part in name.split("-"))


def _any(placed: Placed, conditions: list[Any]) -> CfnCondition:
    if len(conditions) == 1:
        only: CfnCondition = conditions[0]
        return only
    # Fn::Or takes ten; nested ones take more.
    while len(conditions) > 10:
        conditions = [
            *conditions[10:],
            CfnCondition(
                placed.stack, f"IsServed{len(conditions)}",
                expression=Fn.condition_or(*conditions[:10]),
            ),
        ]  # fmt: skip
    return CfnCondition(placed.stack, "IsServed", expression=Fn.condition_or(*conditions))


def _add(
    placed: Placed, endpoint: ComponentEndpoint, name: str, block: Component, model: Model
) -> None:
    low, high = parameters.copies(
        placed.stack, camel(name), block.min_copies, block.max_copies, 2 * block.max_copies
    )
    endpoint.add_component(
        name,
        model=model,
        each=Copy(
            memory_mb=block.memory_mb,
            max_memory_mb=block.max_memory_mb,
            cpus=block.cpus,
            accelerators=block.accelerators,
        ),
        copies=max(1, block.min_copies),
        scaling=ComponentScaling(min_copies=low, max_copies=high, target=block.requests_per_copy),
        rollout=ComponentRollout(
            max_errors=block.max_errors,
            max_latency_ms=block.max_latency_ms,
            alarms_active=placed.rollback,
        ),
    )
