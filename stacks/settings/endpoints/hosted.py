"""What instances may have besides their type: a volume, and a version of their machine image."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from sagemaker_workflow.endpoints.limits import AMI_VERSIONS, VOLUME_GB, ami_fits, has_nvme
from stacks.settings.base import any_of, refuse
from stacks.settings.endpoints.served import OnInstances

Volume = Annotated[int, Field(ge=VOLUME_GB[0], le=VOLUME_GB[1])]


class Hosted(OnInstances):
    """Instances that models are hosted on; each type gets the volume and image it can have."""

    volume_gb: Volume | None = None
    ami_version: str | None = None

    @field_validator("volume_gb")
    @classmethod
    def _a_volume_has_a_place(cls, volume: int | None, info: ValidationInfo) -> int | None:
        types = info.data.get("allowed_instance_types", [])
        if volume is not None and types and all(map(has_nvme, types)):
            raise refuse(
                f"{', '.join(types)} has local storage of its own size: remove volume_gb, or allow"
                " a type without local storage"
            )
        return volume

    @field_validator("ami_version")
    @classmethod
    def _the_ami_fits(cls, ami: str | None, info: ValidationInfo) -> str | None:
        types = info.data.get("allowed_instance_types", [])
        if ami is not None and ami not in AMI_VERSIONS:
            raise refuse(f"must be {any_of(list(AMI_VERSIONS))}")
        if ami is not None and types and not any(ami_fits(ami, one) for one in types):
            raise refuse(
                f"is made for none of {', '.join(types)}: remove it, or allow a type it fits"
            )
        return ami
