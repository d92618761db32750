"""`[endpoints.<name>.scaling]`: which load capacity follows, how quickly, and by the clock."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from sagemaker_workflow.endpoints.limits import SERVERLESS_CONCURRENCY
from stacks.settings.base import Block, refuse
from stacks.settings.endpoints.schedule import Clock

Concurrency = Annotated[int, Field(ge=SERVERLESS_CONCURRENCY[0], le=SERVERLESS_CONCURRENCY[1])]
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


class Provisioned(Block):
    """Provisioned concurrency of a serverless endpoint follows how much of it is in use."""

    # Keys of other kinds, with the reason.
    REFUSED: ClassVar[dict[str, str]] = {
        "follows": "the service publishes one load of a serverless endpoint, the share in use",
        "metric": "the service publishes one load of a serverless endpoint, the share in use",
    }

    max_capacity: Concurrency
    min_capacity: Concurrency = Field(default=1, validate_default=True)
    target: Annotated[float, Field(gt=0, le=1)] = 0.7  # the share in use: 0.7 is 70 %
    scale_in_cooldown_seconds: Cooldown = 300
    scale_out_cooldown_seconds: Cooldown = 60
    schedules: dict[ScheduleName, Bounds] = Field(default_factory=dict)

    @field_validator("min_capacity")
    @classmethod
    def _min_is_at_most_max(cls, minimum: int, info: ValidationInfo) -> int:
        if minimum > info.data.get("max_capacity", minimum):
            raise refuse(f"must be at most max_capacity, {info.data['max_capacity']}")
        return minimum

    @field_validator("schedules")
    @classmethod
    def _never_down_to_none(cls, schedules: dict[str, Bounds]) -> dict[str, Bounds]:
        for name, bounds in schedules.items():
            if bounds.min_capacity < 1:
                raise refuse(
                    "must be at least 1: what is scaled keeps some concurrency provisioned",
                    key=f"{name}.min_capacity",
                    value=bounds.min_capacity,
                )
        return schedules
