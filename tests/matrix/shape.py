"""What a row of the update matrix deploys: everything about the endpoint that can change."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

Strategy = Literal["canary", "linear", "all_at_once", "rolling"]
Kind = Literal["realtime", "serverless", "async", "components"]


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
    count: int = 1  # of instances; of copies where there are components
    scaled: tuple[int, int] | None = None  # capacity bounds
    memory_mb: int = 2048
    max_concurrency: int = 100  # of requests that a busy machine answers late, too
    weights: tuple[float, float] | None = (
        None  # of the model and of a challenger, which serves "two"
    )
    shadow: bool = False  # "two" gets copies of the requests
    weighs: bool = False  # the update applies the configured weights
    changes_variants: bool = False  # the update may bring and take variants
    capture: bool = False
    topics: bool = False  # async: results of their own topics, elsewhere
    key: str = "one"
    strategy: Strategy = "all_at_once"
    startup_seconds: int = 600
    # Far above what a busy machine does to a request, so that no alarm goes off by accident.
    max_latency_ms: float = 30_000
    breaks: bool = False  # a resource after the endpoint fails

    @property
    def component(self) -> str:
        """The name of the only component."""
        return f"{self.name}-model"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Shape:
        given = json.loads(text)
        pairs = {name: tuple(given[name]) for name in ("scaled", "weights") if given[name]}
        return Shape(**{**given, **pairs})
