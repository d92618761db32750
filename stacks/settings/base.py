"""What every block of a settings file shares: strict types, no unknown keys, frozen afterwards."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

# `ml.<family>.<size>`: SageMaker's instance types; the service's own list grows every month.
INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.([a-z0-9]*xlarge|large|medium|metal)$"
InstanceType = Annotated[
    str, Field(pattern=INSTANCE_TYPE, description="an instance type like ml.m5.xlarge")
]
# SNS checks the address itself and asks for a confirmation; this only catches a slip.
Email = Annotated[
    str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", description="an e-mail address")
]


class Block(BaseModel):
    """A table of a settings file. Types are TOML's own: `"3"` is not a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def refuse(message: str, *, key: str = "", value: object = None) -> PydanticCustomError:
    """The fault `message`: what is allowed, or what to change.

    The report puts the field's key and value in front; a fault of something inside the field
    names its own `key` (relative to the field, or beside it: `^columns.x`) and `value`.
    """
    # The message is a format string to pydantic; what it shows must not be one by accident.
    context = {"message": message, "key": key, "value": value}
    return PydanticCustomError("refused", "{message}", context)


def any_of(values: list[str]) -> str:
    """`a, b or c`, for the end of a sentence."""
    *head, last = values
    return f"{', '.join(head)} or {last}" if head else last
