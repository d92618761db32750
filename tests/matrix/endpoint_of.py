"""The endpoint of a shape, made of our constructs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_cdk import CfnCondition, Fn, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct
from shape import Shape

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.endpoints import (
    AsyncEndpoint,
    AsyncResults,
    Capture,
    Instances,
    Operations,
    RealtimeEndpoint,
    Rollout,
    Scaling,
    Serverless,
    ServerlessEndpoint,
    Shadow,
    Variant,
)
from sagemaker_workflow.endpoints.components import (
    ComponentEndpoint,
    ComponentRollout,
    ComponentScaling,
    ManagedScaling,
)
from sagemaker_workflow.model import Model, ModelContainer
from sagemaker_workflow.model_data import ModelData
from sagemaker_workflow.roles import ExecutionRole

# Requests a minute that one instance or copy should have: a load of any rate is above it.
TARGET = 2
# Of asynchronous requests: their objects and messages take their time on a busy machine.
AT_ONCE = 32


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where artifacts and images lie."""

    bucket: s3.IBucket
    repository: ecr.IRepository


def build_endpoint(stack: Stack, shape: Shape, around: Surroundings) -> Construct:
    """The endpoint is in the stack, with its models and two keys it may have."""
    keys = {
        name: kms.Key(stack, f"Key-{name}", enable_key_rotation=True) for name in ("one", "two")
    }
    operations = Operations(key=keys[shape.key])
    if shape.kind == "components":
        return _components(stack, shape, around, operations)
    model = _model(stack, "Model", shape.model, shape, around)
    rollout = _rollout(stack, shape)
    if shape.kind == "serverless":
        return ServerlessEndpoint(
            stack,
            "Endpoint",
            model=model,
            name=shape.name,
            rollout=rollout,
            operations=operations,
            capacity=Serverless(memory_mb=shape.memory_mb, max_concurrency=shape.max_concurrency),
        )
    capacity = Instances(
        instance_type=shape.instance_type,
        count=shape.count,
        startup_timeout_seconds=shape.startup_seconds,
    )
    scaling = (
        Scaling(min_capacity=shape.scaled[0], max_capacity=shape.scaled[1], target=TARGET)
        if shape.scaled
        else None
    )
    if shape.kind == "async":
        return AsyncEndpoint(
            stack,
            "Endpoint",
            model=model,
            name=shape.name,
            rollout=rollout,
            operations=operations,
            capacity=capacity,
            scaling=scaling,
            results=AsyncResults(
                bucket=around.bucket,
                prefix="moved" if shape.topics else "async",
                include_response=shape.topics,
                max_concurrent_per_instance=AT_ONCE,
            ),
        )
    other = _model(stack, "Other", "two", shape, around) if shape.weights or shape.shadow else None
    return RealtimeEndpoint(
        stack,
        "Endpoint",
        **_served(shape, model, other, capacity, scaling),
        shadow=Shadow(model=other, capacity=capacity) if other and shape.shadow else None,
        name=shape.name,
        rollout=rollout,
        operations=operations,
        capture=Capture(bucket=around.bucket, prefix="captured") if shape.capture else None,
    )


def _served(
    shape: Shape, model: Model, other: Model | None, capacity: Instances, scaling: Scaling | None
) -> dict[str, Any]:
    """The model alone, or with a challenger beside it."""
    if shape.weights is None or other is None:
        return {"model": model, "capacity": capacity, "scaling": scaling}
    champion, challenger = shape.weights
    return {
        "variants": [
            Variant(
                name="primary", model=model, weight=champion, capacity=capacity, scaling=scaling
            ),
            Variant(name="challenger", model=other, weight=challenger, capacity=capacity),
        ]
    }


def _components(
    stack: Stack, shape: Shape, around: Surroundings, operations: Operations
) -> ComponentEndpoint:
    endpoint = ComponentEndpoint(
        stack,
        "Endpoint",
        name=shape.name,
        capacity=Instances(instance_type=shape.instance_type, count=1),
        managed=ManagedScaling(min_instances=1, max_instances=3),
        operations=operations,
    )
    endpoint.add_component(
        "model",
        model=_model(stack, "Model", shape.model, shape, around, role=endpoint.role),
        copies=shape.count,
        name=shape.component,
        rollout=ComponentRollout(wait_seconds=20, max_latency_ms=shape.max_latency_ms),
        scaling=ComponentScaling(
            min_copies=shape.scaled[0],
            max_copies=shape.scaled[1],
            follows="invocations",
            target=TARGET,
        )
        if shape.scaled
        else None,
    )
    return endpoint


def _model(
    stack: Stack,
    id_: str,
    archive: str,
    shape: Shape,
    around: Surroundings,
    *,
    role: ExecutionRole | None = None,
) -> Model:
    return Model(
        stack,
        id_,
        serves=ModelContainer(
            image=ContainerImage.from_repository(around.repository, shape.image),
            data=ModelData.from_bucket(
                around.bucket, f"{archive}/model.tar.gz", script="inference.py"
            ),
            environment={"SETTING": shape.setting},
        ),
        isolated=shape.kind != "serverless",
        role=role,
    )


def _rollout(stack: Stack, shape: Shape) -> Rollout:
    return Rollout(
        strategy=None if shape.kind == "serverless" else shape.strategy,
        wait_seconds=300 if shape.strategy == "canary" else 20,
        termination_wait_seconds=20,
        max_latency_ms=shape.max_latency_ms,
        apply_configured_weights=_condition(stack, "Weighs", holds=shape.weighs),
        change_variants=_condition(stack, "ChangesVariants", holds=shape.changes_variants),
    )


def _condition(stack: Stack, id_: str, *, holds: bool) -> CfnCondition:
    text = "true" if holds else "false"
    return CfnCondition(stack, id_, expression=Fn.condition_equals(text, "true"))
