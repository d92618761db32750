"""`[endpoints.<name>.scaling]`: which load capacity follows, how quickly, and by the clock."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from stacks.settings.base import Block, refuse
from stacks.settings.endpoints.schedule import Clock

Cooldown = Annotated[int, Field(ge=0, le=86_400)]
ScheduleName = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9-]{0,19}$",
        description="up to 20 lower-case letters, digits and hyphens, a letter first",
    ),
]


class Metric(Block):
    """A CloudWatch metric that tells the load of one instance."""

    namespace: str
    name: str
    statistic: Literal["Average", "Minimum", "Maximum", "SampleCount", "Sum"] = "Average"
    dimensions: dict[str, str] = Field(default_factory=dict)
    unit: str | None = None


class Bounds(Clock):
    """From a moment on, these bounds."""

    min_capacity: Annotated[int, Field(ge=0)]
    max_capacity: Annotated[int, Field(ge=1)]

    @field_validator("max_capacity")
    @classmethod
    def _min_is_at_most_max(cls, maximum: int, info: ValidationInfo) -> int:
        if maximum < info.data.get("min_capacity", maximum):
            raise refuse(f"must be at least min_capacity, {info.data['min_capacity']}")
        return maximum


class Scaling(Block):
    """What capacity follows; without this table the kind's own load."""

    follows: Literal["own", "concurrency", "metric"] = "own"
    metric: Metric | None = Field(default=None, validate_default=True)
    # Per instance. Default: the kind's own key, invocations_per_instance or backlog_per_instance.
    target: Annotated[float, Field(gt=0)] | None = Field(default=None, validate_default=True)
    scale_in_cooldown_seconds: Cooldown = 300
    scale_out_cooldown_seconds: Cooldown = 60
    schedules: dict[ScheduleName, Bounds] = Field(default_factory=dict)

    @field_validator("metric")
    @classmethod
    def _a_metric_when_it_is_followed(
        cls, metric: Metric | None, info: ValidationInfo
    ) -> Metric | None:
        follows = info.data.get("follows")
        if follows == "metric" and metric is None:
            raise refuse('follows = "metric" needs it: write namespace, name and dimensions')
        if follows != "metric" and metric is not None:
            raise refuse('is followed only with follows = "metric"')
        return metric

    @field_validator("target")
    @classmethod
    def _a_target_of_its_own(cls, target: float | None, info: ValidationInfo) -> float | None:
        if target is None and info.data.get("follows") in ("metric", "concurrency"):
            raise refuse(
                f'follows = "{info.data["follows"]}" needs it: what one instance should carry'
            )
        return target
