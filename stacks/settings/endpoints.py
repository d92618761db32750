"""The `[endpoints.<name>]` and `[batch]` blocks: one per way a model is served."""

from __future__ import annotations

import difflib
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from sagemaker_workflow.endpoints.limits import SERVERLESS_MEMORY_MB, Use, instance_types
from stacks.settings.base import Block, Email, InstanceType, any_of, refuse

Count = Annotated[int, Field(ge=1, le=100)]
Seconds = Annotated[int, Field(ge=0, le=3600)]
PackageGroup = Annotated[
    str,
    Field(
        pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$",
        description="a model package group's name: up to 63 letters, digits and hyphens",
    ),
]


class Served(Block):
    """What every way of serving has: the package group it follows, and whom to tell."""

    model_package_group: PackageGroup | None = None  # default: the project's own
    notification_email: Email | None = None


class OnInstances(Served):
    """What runs on instances of its own: the type, and the types an override may choose."""

    USE: ClassVar[Use] = "hosting"

    instance_type: InstanceType
    allowed_instance_types: list[InstanceType] = Field(default_factory=list, validate_default=True)

    @field_validator("instance_type")
    @classmethod
    def _the_service_has_it(cls, instance_type: str) -> str:
        return _known(instance_type, cls.USE)

    @field_validator("allowed_instance_types")
    @classmethod
    def _the_service_has_them_all(cls, allowed: list[str]) -> list[str]:
        for position, instance_type in enumerate(allowed):
            _known(instance_type, cls.USE, key=str(position))
        return allowed

    @field_validator("allowed_instance_types")
    @classmethod
    def _the_default_is_allowed(cls, allowed: list[str], info: ValidationInfo) -> list[str]:
        default = info.data.get("instance_type")
        if not allowed:
            return [default] if default else []
        if default is not None and default not in allowed:
            raise refuse(f"must hold instance_type itself: {default}")
        return allowed


class Rollout(Block):
    """How a new model takes over the traffic, and how long the alarms watch it."""

    kind: Literal["all-at-once", "canary", "linear", "rolling"] = "all-at-once"
    percent: Annotated[int, Field(ge=5, le=50)] = 50
    wait_seconds: Seconds = 300
    termination_wait_seconds: Seconds = 120


class Alarms(Block):
    """When an endpoint is unwell; a firing alarm rolls a rollout back."""

    error_rate_percent: Annotated[float, Field(gt=0, le=100)] = 5
    latency_milliseconds: Annotated[int, Field(ge=1, le=60_000)] = 1000


class Realtime(OnInstances):
    """Answers within a second, on instances that are always there."""

    kind: Literal["realtime"]
    min_capacity: Count = 1
    max_capacity: Count = Field(default=2, validate_default=True)
    initial_instance_count: Count = Field(default=1, validate_default=True)
    invocations_per_instance: Annotated[int, Field(ge=1)] = 1000  # a minute; the scaling target
    rollout: Rollout = Field(default=Rollout(), validate_default=True)
    alarms: Alarms = Alarms()

    @field_validator("max_capacity")
    @classmethod
    def _min_is_at_most_max(cls, maximum: int, info: ValidationInfo) -> int:
        return _at_least_min(maximum, info)

    @field_validator("initial_instance_count")
    @classmethod
    def _starts_within_its_bounds(cls, count: int, info: ValidationInfo) -> int:
        return _within(count, info)

    @field_validator("rollout")
    @classmethod
    def _a_canary_needs_two_instances(cls, rollout: Rollout, info: ValidationInfo) -> Rollout:
        smallest = min(info.data.get("min_capacity", 2), info.data.get("initial_instance_count", 2))
        if rollout.kind != "all-at-once" and smallest < 2:
            raise refuse(
                "needs two instances: set min_capacity and initial_instance_count to 2 or more,"
                ' or kind = "all-at-once"',
                key="kind",
                value=rollout.kind,
            )
        return rollout


class Serverless(Served):
    """Answers when asked and costs nothing in between; a cold start is slow."""

    kind: Literal["serverless"]
    memory_mb: int = 2048
    max_concurrency: Annotated[int, Field(ge=1, le=200)] = 5
    provisioned_concurrency: Annotated[int, Field(ge=0, le=200)] = Field(
        default=0, validate_default=True
    )
    alarms: Alarms = Alarms()

    @field_validator("memory_mb")
    @classmethod
    def _memory_is_a_size_the_service_has(cls, memory: int) -> int:
        if memory not in SERVERLESS_MEMORY_MB:
            raise refuse(f"must be {any_of([str(size) for size in SERVERLESS_MEMORY_MB])}")
        return memory

    @field_validator("provisioned_concurrency")
    @classmethod
    def _provisioned_is_at_most_the_maximum(cls, provisioned: int, info: ValidationInfo) -> int:
        maximum = info.data.get("max_concurrency")
        if maximum is not None and provisioned > maximum:
            raise refuse(f"must be at most max_concurrency, {maximum}")
        return provisioned


class Async(OnInstances):
    """Takes large requests through S3, answers through S3 and SNS, and may scale to nothing."""

    kind: Literal["async"]
    min_capacity: Annotated[int, Field(ge=0, le=100)] = 0
    max_capacity: Count = Field(default=2, validate_default=True)
    initial_instance_count: Count = Field(default=1, validate_default=True)
    backlog_per_instance: Annotated[int, Field(ge=1)] = 5  # requests waiting; the scaling target
    max_concurrent_invocations_per_instance: Annotated[int, Field(ge=1, le=1000)] = 4
    rollout: Rollout = Field(default=Rollout(), validate_default=True)
    alarms: Alarms = Alarms()

    @field_validator("max_capacity")
    @classmethod
    def _min_is_at_most_max(cls, maximum: int, info: ValidationInfo) -> int:
        return _at_least_min(maximum, info)

    @field_validator("initial_instance_count")
    @classmethod
    def _starts_within_its_bounds(cls, count: int, info: ValidationInfo) -> int:
        return _within(count, info)


Endpoint = Annotated[Realtime | Serverless | Async, Field(discriminator="kind")]


class Batch(OnInstances):
    """Scores whole files on instances that live as long as the job."""

    USE: ClassVar[Use] = "transform"

    instance_count: Annotated[int, Field(ge=1, le=20)] = 1
    max_instance_count: Annotated[int, Field(ge=1, le=20)] = Field(default=4, validate_default=True)
    max_payload_mb: Annotated[int, Field(ge=1, le=100)] = 6
    max_runtime_minutes: Annotated[int, Field(ge=1, le=1440)] = 60

    @field_validator("max_instance_count")
    @classmethod
    def _the_default_is_allowed_too(cls, maximum: int, info: ValidationInfo) -> int:
        if maximum < info.data.get("instance_count", 1):
            raise refuse(f"must be at least instance_count, {info.data['instance_count']}")
        return maximum


def _known(instance_type: str, use: Use, *, key: str = "") -> str:
    types = sorted(instance_types(use))
    if instance_type not in types:
        close = difflib.get_close_matches(instance_type, types, n=3, cutoff=0.6)
        hint = f"; close to it: {any_of(close)}" if close else ""
        raise refuse(
            f"SageMaker has no such instance type for {use}{hint}", key=key, value=instance_type
        )
    return instance_type


def _at_least_min(maximum: int, info: ValidationInfo) -> int:
    if maximum < info.data.get("min_capacity", 0):
        raise refuse(f"must be at least min_capacity, {info.data['min_capacity']}")
    return maximum


def _within(count: int, info: ValidationInfo) -> int:
    low, high = info.data.get("min_capacity"), info.data.get("max_capacity")
    if low is not None and high is not None and not low <= count <= high:
        raise refuse(f"must be from min_capacity to max_capacity, {low} to {high}")
    return count
