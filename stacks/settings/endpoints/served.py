"""What every way of serving has, and what runs on instances of its own."""

from __future__ import annotations

import difflib
from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from sagemaker_workflow.endpoints.limits import (
    Use,
    instance_types,
    listed_regions,
    regions_of,
)
from stacks.settings.base import Block, Email, InstanceType, any_of, refuse

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

    # Types the region has although instance_types.lock.json lists them for others only.
    types_known_here: list[InstanceType] = Field(default_factory=list)
    instance_type: InstanceType
    allowed_instance_types: list[InstanceType] = Field(default_factory=list, validate_default=True)

    @field_validator("instance_type")
    @classmethod
    def _the_service_has_it(cls, instance_type: str, info: ValidationInfo) -> str:
        check_type(instance_type, cls.USE, info)
        return instance_type

    @field_validator("allowed_instance_types")
    @classmethod
    def _the_service_has_them_all(cls, allowed: list[str], info: ValidationInfo) -> list[str]:
        for position, instance_type in enumerate(allowed):
            if instance_type != info.data.get("instance_type"):
                check_type(instance_type, cls.USE, info, key=str(position))
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


def check_type(instance_type: str, use: Use, info: ValidationInfo, *, key: str = "") -> None:
    """Refuse a type the service has not, or the region is known not to have."""
    types = sorted(instance_types(use))
    if instance_type not in types:
        close = difflib.get_close_matches(instance_type, types, n=3, cutoff=0.6)
        hint = f"; close to it: {any_of(close)}" if close else ""
        raise refuse(
            f"SageMaker has no such instance type for {use}{hint}", key=key, value=instance_type
        )
    region = (info.context or {}).get("region")
    where = regions_of(instance_type, use)
    if where is None or region in where or region not in listed_regions(use):
        return
    if instance_type not in info.data.get("types_known_here", []):
        first, more = sorted(where)[:6], len(where) - 6
        raise refuse(
            f"{region} does not have it for {use}; it is in {', '.join(first)}"
            f"{f' and {more} more' if more > 0 else ''}: choose another type or region, or name it"
            " in types_known_here if it has come since",
            key=key,
            value=instance_type,
        )
