"""`[endpoints.<name>]` with `kind = "async"`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stacks.settings.base import Block
from stacks.settings.endpoints.scaled import Scaled


class Queues(Block):
    """Two queues hold results and errors for whoever takes them."""

    max_receives: Annotated[int, Field(ge=1, le=1000)] = 5
    visibility_seconds: Annotated[int, Field(ge=0, le=43_200)] = 300
    retention_days: Annotated[int, Field(ge=1, le=14)] = 4


class Async(Scaled):
    """Takes large requests through S3, answers through S3 and SNS, and may scale to nothing."""

    # Keys of other kinds, with the reason.
    REFUSED: ClassVar[dict[str, str]] = {
        "capture": "requests and replies are kept in the artifacts bucket as it is, under"
        " async/<endpoint>/",
        "challenger": "the service has one variant behind an asynchronous endpoint, and no shadow",
        "routing": "instances take requests from a queue",
    }

    kind: Literal["async"]
    backlog_per_instance: Annotated[int, Field(ge=1)] = 5  # requests waiting; the scaling target
    max_concurrent_invocations_per_instance: Annotated[int, Field(ge=1, le=1000)] = 4
    include_response: bool = False  # replies up to 128 KB are put into the notification
    queues: Queues | None = None
    max_age_seconds: Annotated[int, Field(ge=60, le=21_600)] = 3600  # an alarm above it
    expire_results_days: Annotated[int, Field(ge=1, le=3650)] | None = None  # default: never
