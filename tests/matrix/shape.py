"""What a row of the update matrix deploys: everything about the endpoint that can change."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

Kind = Literal["realtime", "serverless", "async"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One state of the stack. Two of them are an update."""

    family: str = "single"  # the stack; a fleet of one and a fleet of two have one each
    kind: Kind = "realtime"
    name: str = "matrix"
    model: str = "one"  # the archive: one, two, slow, stuck
    image: str = "one"  # the tag: one, two
    setting: str = "-"  # an environment value
    instance_type: str = "ml.m5.large"
    count: int = 1
    scaled: tuple[int, int] | None = None  # capacity bounds
    memory_mb: int = 2048
    max_concurrency: int = 20
    capture: bool = False
    topics: bool = False  # async: results of their own topics, elsewhere
    key: str = "one"
    strategy: str = "all_at_once"
    max_latency_ms: float | None = None
    breaks: bool = False  # a resource after the endpoint fails

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Shape:
        given = json.loads(text)
        scaled = given.pop("scaled")
        return Shape(**given, scaled=tuple(scaled) if scaled else None)
