"""`[endpoints.<name>]` with `kind = "realtime"`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from stacks.settings.base import refuse
from stacks.settings.endpoints.scaled import Scaled


class Realtime(Scaled):
    """Answers within a second, on instances that are always there."""

    kind: Literal["realtime"]
    invocations_per_instance: Annotated[int, Field(ge=1)] = 1000  # a minute; the scaling target

    @field_validator("min_capacity")
    @classmethod
    def _never_sleeps(cls, minimum: int) -> int:
        if minimum < 1:
            raise refuse('must be at least 1; only kind = "async" goes down to 0')
        return minimum
