"""The `[preprocessing]` block: the function, and the Spark job for what is too large for it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from preprocess.limits import largest_object
from sagemaker_workflow.endpoints.limits import has_gpu, instance_type_fault
from stacks.settings.base import Block, Email, InstanceType, refuse

MB = 1_000_000


class Spark(Block):
    """Instances of a processing job for objects above `size_limit_mb`."""

    instance_type: InstanceType
    instance_count: Annotated[int, Field(ge=1, le=100)]
    max_runtime_minutes: Annotated[int, Field(ge=10, le=5 * 24 * 60)] = 240
    volume_size_gb: Annotated[int, Field(ge=1, le=16_384)] = 100

    @field_validator("instance_type")
    @classmethod
    def _the_image_runs_on_it(cls, instance_type: str) -> str:
        if instance_type_fault(instance_type, "processing"):
            raise refuse("SageMaker has no such type for processing: write one like ml.m5.4xlarge")
        if has_gpu(instance_type):
            raise refuse("preprocessing uses no GPU: choose a type like ml.m5.4xlarge")
        return instance_type


class Backfill(Block):
    """A folder of uploads that goes through Ingest again: how many at once, how many may fail."""

    # Default: reserved_concurrency. More wait their turn inside Ingest.
    max_concurrency: Annotated[int, Field(ge=1, le=1000)] | None = None
    tolerated_failure_percent: Annotated[int, Field(ge=0, le=100)] = 50


class Preprocessing(Block):
    """The preprocessing function: its size, and whom to tell when a file is refused."""

    memory_mb: Annotated[int, Field(ge=2048, le=10_240)] = 3008
    timeout_minutes: Annotated[int, Field(ge=1, le=15)] = 15
    reserved_concurrency: Annotated[int, Field(ge=1, le=100)] = 2
    notification_email: Email | None = None
    # Default: what the function reads in its time, at the speed that was measured.
    size_limit_mb: Annotated[int, Field(ge=1)] | None = None
    spark: Spark | None = Field(default=None)
    backfill: Backfill = Field(default_factory=Backfill)

    @field_validator("size_limit_mb")
    @classmethod
    def _the_function_can_read_it(cls, limit: int | None, info: ValidationInfo) -> int | None:
        if limit is None or not {"memory_mb", "timeout_minutes"} <= info.data.keys():
            return limit
        minutes, memory = info.data["timeout_minutes"], info.data["memory_mb"]
        most = largest_object(timeout_seconds=minutes * 60, memory_mb=memory) // MB
        if limit > most:
            raise refuse(
                f"the function reads at most {most} MB in {minutes} minutes with {memory} MB of"
                " memory: lower the limit, or raise timeout_minutes or memory_mb"
            )
        return limit

    def limits(self) -> tuple[int, int]:
        """The largest object in bytes that goes to the function, and the largest packed one."""
        seconds = self.timeout_minutes * 60
        both = [
            largest_object(timeout_seconds=seconds, memory_mb=self.memory_mb, packed=packed)
            for packed in (False, True)
        ]
        if self.size_limit_mb is None:
            return both[0], both[1]
        return self.size_limit_mb * MB, min(both[1], self.size_limit_mb * MB)
