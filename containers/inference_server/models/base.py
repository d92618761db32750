"""The one interface between HTTP and models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


# Neither is frozen: one of each is made for every request, and frozen ones cost three times more.
@dataclass(slots=True, eq=False)
class Request:
    """One invocation; header names are lower-case."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(slots=True)
class Answer:
    """What goes back, with further headers if the model set any.

    With `chunks`, they are sent as they come and `body` is empty.
    """

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] | None = None
    rows: int | None = None
    chunks: Iterator[bytes] | None = None


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


@runtime_checkable
class BatchPredictor(Predictor, Protocol):
    """A model that answers many requests for little more than the price of one."""

    def answer_many(self, requests: Sequence[Request]) -> list[Answer | Exception]:
        """An answer, or what `answer` would raise, for each request, in order."""
        ...
