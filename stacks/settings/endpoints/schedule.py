"""`[endpoints.<name>.schedule]`: hours outside of which there is no endpoint."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from sagemaker_workflow.schedules.moments import moment_fault, timezone_fault
from stacks.settings.base import Block, refuse


def checked_moment(value: str) -> str:
    """A moment as EventBridge Scheduler writes it."""
    return _checked(value, moment_fault("", value))


def checked_timezone(value: str) -> str:
    """A time zone's IANA name."""
    return _checked(value, timezone_fault("", value))


class Hours(Block):
    """It stops at `stop` and starts at `start`, by CloudFormation, so without drift."""

    stop: str
    start: str | None = None  # default: a person starts it, with `make start`
    timezone: str = "UTC"

    @field_validator("stop", "start")
    @classmethod
    def _a_moment(cls, value: str | None) -> str | None:
        return value if value is None else checked_moment(value)

    @field_validator("start")
    @classmethod
    def _another_moment(cls, start: str | None, info: ValidationInfo) -> str | None:
        if start is not None and start == info.data.get("stop"):
            raise refuse("must be another moment than stop: change one of them")
        return start

    @field_validator("timezone")
    @classmethod
    def _a_timezone(cls, value: str) -> str:
        return checked_timezone(value)


class Clock(Block):
    """Something is started `at` a moment."""

    at: str
    timezone: str = Field(default="UTC")

    @field_validator("at")
    @classmethod
    def _a_moment(cls, value: str) -> str:
        return checked_moment(value)

    @field_validator("timezone")
    @classmethod
    def _a_timezone(cls, value: str) -> str:
        return checked_timezone(value)


def _checked(value: str, fault: str | None) -> str:
    if fault is None:
        return value
    found, _, allowed = fault.partition(", allowed is ")
    detail = found.partition(f"{value!r}")[2].strip()
    raise refuse(f"must be {allowed}" + (f" (it is {detail})" if detail else ""))
