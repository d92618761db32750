"""The engine's part of a call, made once for each object and played again afterwards.

What a schedule of deliveries is about is which requests reach S3, in which order, and where a call
ends between two of them. Parsing the same rows ten thousand times adds nothing to that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.memory_s3 import MemoryS3

from preprocess.faults import ObjectFault

# The others answer with what the next request needs, which a recording cannot know.
PLAYED = frozenset({"get", "put"})


class Recording(MemoryS3):
    """S3 that keeps the requests it had."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found) or name == "before":
            return found
        assert name in PLAYED, f"{name} cannot be played again"

        def ask(*args: Any, **named: Any) -> Any:
            self.requests.append((name, args, named))
            return found(*args, **named)

        return ask


class Replayed:
    """`preprocess.run.prepare`, whose work is done once for each object."""

    def __init__(self, prepare: Callable[..., Any]) -> None:
        self.prepare = prepare
        self.known: dict[tuple[str, str], tuple[list[Any], Any]] = {}

    def __call__(self, dataset: Any, s3: Any, raw: Any, *rest: Any) -> Any:
        name = (raw.key, raw.etag)
        if name not in self.known:
            self.known[name] = self.recorded(dataset, s3, raw, *rest)
        requests, outcome = self.known[name]
        for call, args, named in requests:
            getattr(s3, call)(*args, **named)
        if isinstance(outcome, ObjectFault):
            raise ObjectFault(*outcome.faults)
        return outcome

    def recorded(self, dataset: Any, s3: Any, raw: Any, *rest: Any) -> Any:
        """What the engine asks of an S3 of its own, and how it ends."""
        alone = Recording()
        alone.versions |= s3.versions
        try:
            outcome = self.prepare(dataset, alone, raw, *rest)
        except ObjectFault as fault:
            outcome = fault
        return alone.requests, outcome
