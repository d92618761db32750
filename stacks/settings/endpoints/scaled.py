"""Instances whose number follows the load, and how an update replaces them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from sagemaker_workflow.endpoints.limits import (
    ROLLOUT_TIMEOUT_SECONDS,
    ROLLOUT_WORK_SECONDS,
    rollout_waits,
)
from stacks.settings.base import Block, refuse
from stacks.settings.endpoints.scaling import Scaling
from stacks.settings.endpoints.schedule import Hours
from stacks.settings.endpoints.served import OnInstances

# Rules of a template know no `<=`, so an override's bounds are written out value by value.
MOST_INSTANCES = 20
Count = Annotated[int, Field(ge=1, le=MOST_INSTANCES)]
Seconds = Annotated[int, Field(ge=0, le=3600)]


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
    scaling: Scaling = Field(default=Scaling())
    active: bool = True  # false: nothing of it runs until somebody starts it
    schedule: Hours | None = None  # default: it is there while active
    dashboard: bool = True

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

    @field_validator("scaling")
    @classmethod
    def _schedules_stay_within_the_limits(cls, scaling: Scaling, info: ValidationInfo) -> Scaling:
        limit = info.data.get("capacity_limit") or 2 * info.data.get("max_capacity", MOST_INSTANCES)
        for name, bounds in scaling.schedules.items():
            if bounds.max_capacity > limit:
                raise refuse(
                    f"must be at most {limit}, capacity_limit or twice max_capacity",
                    key=f"schedules.{name}.max_capacity",
                    value=bounds.max_capacity,
                )
        return scaling

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
