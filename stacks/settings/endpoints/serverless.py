"""`[endpoints.<name>]` with `kind = "serverless"`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from sagemaker_workflow.endpoints.limits import SERVERLESS_MEMORY_MB
from stacks.settings.base import any_of, refuse
from stacks.settings.endpoints.scaled import Rollout
from stacks.settings.endpoints.scaling import Provisioned
from stacks.settings.endpoints.schedule import Hours
from stacks.settings.endpoints.served import Served

_MOST = "max_concurrency"


class Serverless(Served):
    """Answers when asked and costs nothing in between; a cold start is slow."""

    # Keys of other kinds, with the service's reason (contracts 4).
    REFUSED: ClassVar[dict[str, str]] = {
        "capture": "the service captures no data of a serverless endpoint",
        "challenger": "the service has one variant behind a serverless endpoint, and no shadow",
        "routing": "there are no instances to choose among",
        "metrics": "there are no instances that report",
        "volume_gb": "the service gives 5 GB of disk, and no choice",
        "ami_version": "there are no machines of yours, and no GPU",
    }

    kind: Literal["serverless"]
    memory_mb: int = 2048
    max_concurrency: Annotated[int, Field(ge=1, le=200)] = 5
    provisioned_concurrency: Annotated[int, Field(ge=0, le=200)] = Field(
        default=0, validate_default=True
    )
    scaling: Provisioned | None = None  # default: provisioned concurrency stays as it is
    rollout: Rollout = Rollout()
    active: bool = True  # false: nothing of it runs until somebody starts it
    schedule: Hours | None = None  # default: it is there while active
    dashboard: bool = True

    @field_validator("scaling")
    @classmethod
    def _scales_what_is_provisioned(
        cls, scaling: Provisioned | None, info: ValidationInfo
    ) -> Provisioned | None:
        provisioned, most = (info.data.get(name) for name in ("provisioned_concurrency", _MOST))
        if scaling is None or provisioned is None or most is None:
            return scaling
        low, high = scaling.min_capacity, scaling.max_capacity
        if provisioned == 0:
            raise refuse(
                "is what scaling moves, and 0 is none: raise it, or remove [scaling]: serverless"
                " scales by itself",
                key="^provisioned_concurrency",
                value=0,
            )
        if high > most:
            raise refuse(f"must be at most {_MOST}, {most}", key="max_capacity", value=high)
        if not low <= provisioned <= high:
            raise refuse(
                f"must be from scaling's min_capacity to its max_capacity, {low} to {high}",
                key="^provisioned_concurrency",
                value=provisioned,
            )
        for name, bounds in scaling.schedules.items():
            if bounds.max_capacity > most:
                raise refuse(
                    f"must be at most {_MOST}, {most}",
                    key=f"schedules.{name}.max_capacity",
                    value=bounds.max_capacity,
                )
        return scaling

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
