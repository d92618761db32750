"""The `[endpoints.<name>]` and `[batch]` blocks: one per way a model is served."""

from __future__ import annotations

import difflib
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from sagemaker_workflow.endpoints.limits import (
    ROLLOUT_TIMEOUT_SECONDS,
    ROLLOUT_WORK_SECONDS,
    SERVERLESS_MEMORY_MB,
    Use,
    instance_types,
    rollout_waits,
)
from stacks.settings.base import Block, Email, InstanceType, any_of, refuse

# Rules of a template know no `<=`, so an override's bounds are written out value by value.
MOST_INSTANCES = 20
Count = Annotated[int, Field(ge=1, le=MOST_INSTANCES)]
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

    strategy: Literal["all_at_once", "canary", "linear", "rolling"] = "all_at_once"
    step_percent: Annotated[int, Field(ge=10, le=50)] | None = None  # default: one instance
    wait_seconds: Seconds = 300
    termination_wait_seconds: Seconds = Field(default=120, validate_default=True)
    max_errors: Annotated[int, Field(ge=1)] = 5  # a minute; more send the old model back
    max_latency_ms: Annotated[int, Field(ge=1, le=3_600_000)] | None = None  # 99th percentile

    @field_validator("termination_wait_seconds")
    @classmethod
    def _the_waits_leave_time_to_work(cls, termination: int, info: ValidationInfo) -> int:
        before = [info.data.get(name) for name in ("strategy", "step_percent", "wait_seconds")]
        if before[0] is None or before[2] is None:
            return termination
        waits = rollout_waits(before[0], before[1], before[2], termination)
        longest = ROLLOUT_TIMEOUT_SECONDS[1] - ROLLOUT_WORK_SECONDS
        if waits >= longest:
            raise refuse(
                f"a {before[0]} rollout would wait {waits} seconds in all, and must wait less than"
                f" {longest}: lower wait_seconds, or raise step_percent"
            )
        return termination


class Scaled(OnInstances):
    """Instances whose number follows the load, between two bounds an override may move."""

    max_capacity: Count = 2
    min_capacity: Annotated[int, Field(ge=0, le=MOST_INSTANCES)] = Field(
        default=1, validate_default=True
    )
    initial_instance_count: Count = Field(default=1, validate_default=True)
    # How far an override may go. Default: twice max_capacity.
    capacity_limit: Count | None = Field(default=None, validate_default=True)
    rollout: Rollout = Field(default=Rollout(), validate_default=True)

    @property
    def highest_capacity(self) -> int:
        """The most instances any override may ask for."""
        return self.capacity_limit or min(2 * self.max_capacity, MOST_INSTANCES)

    @field_validator("min_capacity")
    @classmethod
    def _min_is_at_most_max(cls, minimum: int, info: ValidationInfo) -> int:
        if minimum > info.data.get("max_capacity", minimum):
            raise refuse(f"must be at most max_capacity, {info.data['max_capacity']}")
        return minimum

    @field_validator("initial_instance_count")
    @classmethod
    def _starts_within_its_bounds(cls, count: int, info: ValidationInfo) -> int:
        low, high = info.data.get("min_capacity"), info.data.get("max_capacity")
        if low is not None and high is not None and not max(low, 1) <= count <= high:
            raise refuse(f"must be from min_capacity to max_capacity, {max(low, 1)} to {high}")
        return count

    @field_validator("capacity_limit")
    @classmethod
    def _the_limit_is_no_lower_than_max(cls, limit: int | None, info: ValidationInfo) -> int | None:
        if limit is not None and limit < info.data.get("max_capacity", limit):
            raise refuse(f"must be at least max_capacity, {info.data['max_capacity']}")
        return limit

    @field_validator("rollout")
    @classmethod
    def _a_canary_needs_two_instances(cls, rollout: Rollout, info: ValidationInfo) -> Rollout:
        smallest = min(info.data.get("min_capacity", 2), info.data.get("initial_instance_count", 2))
        if rollout.strategy != "all_at_once" and smallest < 2:
            raise refuse(
                "needs two instances: set min_capacity and initial_instance_count to 2 or more,"
                ' or strategy = "all_at_once"',
                key="strategy",
                value=rollout.strategy,
            )
        return rollout


class Realtime(Scaled):
    """Answers within a second, on instances that are always there."""

    kind: Literal["realtime"]
    invocations_per_instance: Annotated[int, Field(ge=1)] = 1000  # a minute; the scaling target

    @field_validator("min_capacity")
    @classmethod
    def _never_sleeps(cls, minimum: int) -> int:
        if minimum < 1:
            raise refuse('must be at least 1; only kind = "async" goes down to 0')
        return minimum


class Serverless(Served):
    """Answers when asked and costs nothing in between; a cold start is slow."""

    kind: Literal["serverless"]
    memory_mb: int = 2048
    max_concurrency: Annotated[int, Field(ge=1, le=200)] = 5
    provisioned_concurrency: Annotated[int, Field(ge=0, le=200)] = Field(
        default=0, validate_default=True
    )
    rollout: Rollout = Rollout()

    @field_validator("rollout")
    @classmethod
    def _nothing_to_split(cls, rollout: Rollout) -> Rollout:
        if rollout.strategy != "all_at_once":
            raise refuse(
                'a serverless endpoint has no instances to split: "all_at_once"',
                key="strategy",
                value=rollout.strategy,
            )
        return rollout

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


class Async(Scaled):
    """Takes large requests through S3, answers through S3 and SNS, and may scale to nothing."""

    kind: Literal["async"]
    backlog_per_instance: Annotated[int, Field(ge=1)] = 5  # requests waiting; the scaling target
    max_concurrent_invocations_per_instance: Annotated[int, Field(ge=1, le=1000)] = 4


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
