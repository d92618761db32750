"""The `[batch]` block."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from sagemaker_workflow.batch_transform.request import MAX_PRODUCT_MB
from sagemaker_workflow.endpoints.limits import Use
from stacks.settings.base import refuse
from stacks.settings.endpoints.schedule import Clock
from stacks.settings.endpoints.served import OnInstances

Filter = Annotated[
    str,
    Field(
        pattern=r"^\$.{0,62}$",
        description="a JSONPath of up to 63 characters that starts with $, like $[1:]",
    ),
]


class Batch(OnInstances):
    """Scores whole files on instances that live as long as the job."""

    USE: ClassVar[Use] = "transform"

    instance_count: Annotated[int, Field(ge=1, le=20)] = 1
    max_instance_count: Annotated[int, Field(ge=1, le=20)] = Field(default=4, validate_default=True)
    max_payload_mb: Annotated[int, Field(ge=1, le=100)] = 6
    max_concurrent: Annotated[int, Field(ge=1, le=100)] = Field(default=1, validate_default=True)
    content_type: str = "text/csv"
    join: bool = False  # each prediction beside its record
    input_filter: Filter | None = None
    output_filter: Filter | None = None
    start_on_manifest: bool = False  # a manifest under batch/manifests/ starts a run
    schedule: Clock | None = None
    max_runtime_minutes: Annotated[int, Field(ge=1, le=1440)] = 60

    @field_validator("max_concurrent")
    @classmethod
    def _requests_fit(cls, most: int, info: ValidationInfo) -> int:
        payload = info.data.get("max_payload_mb", 1)
        if most * payload > MAX_PRODUCT_MB:
            raise refuse(
                f"times max_payload_mb, {payload}, must be at most {MAX_PRODUCT_MB}: lower one"
            )
        return most

    @field_validator("max_instance_count")
    @classmethod
    def _the_default_is_allowed_too(cls, maximum: int, info: ValidationInfo) -> int:
        if maximum < info.data.get("instance_count", 1):
            raise refuse(f"must be at least instance_count, {info.data['instance_count']}")
        return maximum
