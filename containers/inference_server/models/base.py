"""The one interface between HTTP and models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """One invocation; header names are lower-case."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, with further headers if the model set any."""

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None


class Predictor(Protocol):
    """A loaded model."""

    inline_bytes: int
    """Bodies up to this size are answered on the event loop, larger ones on a thread."""

    def answer(self, request: Request) -> Answer:
        """The answer. Raises RequestError for what the client did wrong."""
        ...

    def prove(self) -> None:
        """Make one real prediction. Raises ModelLoadError when that fails."""
        ...
