"""What the kinds of endpoint share: the stack's own things, and parameters of instances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aws_cdk import CfnCondition, Stack
from aws_cdk import aws_s3 as s3

from sagemaker_workflow.autoscaling import Metric, Schedule
from sagemaker_workflow.endpoints import Instances, Operations, Rollout, Scaling
from sagemaker_workflow.model import Model
from stacks import parameters, settings
from stacks.settings.endpoints.scaling import Provisioned
from stacks.settings.endpoints.scaling import Scaling as ScalingSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """What a kind is built from: `email` [T] hears of it, `rollback` holds while alarms count."""

    stack: Stack
    name: str
    endpoint_name: str
    model: Model
    artifacts: s3.IBucket
    operations: Operations
    email: str
    rollback: CfnCondition

    def instances(self, block: settings.Scaled) -> Instances:
        """Machines whose type and number at the start are parameters."""
        return Instances(
            instance_type=parameters.choice(
                self.stack,
                "InstanceType",
                block.instance_type,
                block.allowed_instance_types,
                "What the endpoint runs on",
            ),
            allowed_types=block.allowed_instance_types,
            types_known_here=block.types_known_here,
            count=parameters.count(
                self.stack,
                "InitialInstanceCount",
                block.initial_instance_count,
                range(1, block.highest_capacity + 1),
                "Instances at the start; scaling changes them",
            ),
        )

    def scaling(self, block: settings.Scaled, lowest: int, target: float) -> Scaling:
        """Bounds that are parameters, the lower one at least `lowest`."""
        minimum, maximum = parameters.capacity(
            self.stack, block.min_capacity, block.max_capacity, lowest, block.highest_capacity
        )
        asked = block.scaling
        return Scaling(
            min_capacity=minimum,
            max_capacity=maximum,
            target=target if asked.target is None else asked.target,
            scale_in_cooldown_seconds=asked.scale_in_cooldown_seconds,
            scale_out_cooldown_seconds=asked.scale_out_cooldown_seconds,
            follows=_follows(asked),
            schedules=schedules(asked),
        )

    def rollout(self, block: settings.Rollout, *, on_instances: bool) -> Rollout:
        """How updates happen; instances can be told to take their configured count anew."""
        anew = (
            parameters.switch(
                self.stack,
                "ApplyConfiguredCounts",
                "false",
                "true sets configured counts and weights anew instead of keeping what scaling set",
            )
            if on_instances
            else None
        )
        return Rollout(
            strategy=block.strategy if on_instances else None,
            step_percent=block.step_percent if block.strategy != "all_at_once" else None,
            wait_seconds=block.wait_seconds,
            termination_wait_seconds=block.termination_wait_seconds,
            max_errors=block.max_errors,
            max_latency_ms=block.max_latency_ms,
            alarms_active=self.rollback,
            apply_configured_counts=anew,
        )


def schedules(asked: ScalingSettings | Provisioned) -> dict[str, Schedule]:
    """Bounds that change with the clock."""
    return {
        name: Schedule(
            at=one.at,
            min_capacity=one.min_capacity,
            max_capacity=one.max_capacity,
            timezone=one.timezone,
        )
        for name, one in asked.schedules.items()
    }


def _follows(asked: ScalingSettings) -> Metric | Literal["concurrency"] | None:
    """The load that is followed; None for the kind's own."""
    if asked.follows == "concurrency":
        return "concurrency"
    metric = asked.metric
    if metric is None:
        return None
    return Metric(
        namespace=metric.namespace,
        name=metric.name,
        statistic=metric.statistic,
        dimensions=metric.dimensions,
        unit=metric.unit,
    )
