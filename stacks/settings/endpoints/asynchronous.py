"""`[endpoints.<name>]` with `kind = "async"`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stacks.settings.endpoints.scaled import Scaled


class Async(Scaled):
    """Takes large requests through S3, answers through S3 and SNS, and may scale to nothing."""

    kind: Literal["async"]
    backlog_per_instance: Annotated[int, Field(ge=1)] = 5  # requests waiting; the scaling target
    max_concurrent_invocations_per_instance: Annotated[int, Field(ge=1, le=1000)] = 4
