"""The `[batch]` block."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from sagemaker_workflow.endpoints.limits import Use
from stacks.settings.base import refuse
from stacks.settings.endpoints.served import OnInstances


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
