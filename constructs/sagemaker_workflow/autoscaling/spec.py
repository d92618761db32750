"""What automatic scaling is asked to do, as values. [T] may be a parameter's value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Follows = Literal["invocations", "backlog", "provisioned_concurrency"]

# What one unit of capacity carries when nobody says: requests a minute, requests waiting (the
# value of the service's guide, contracts 5.6), share in use.
TARGETS: dict[str, float] = {"invocations": 1000, "backlog": 5, "provisioned_concurrency": 0.7}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """Capacity follows the load between two bounds, both [T].

    Capacity is instances, for a serverless endpoint provisioned concurrency. `target` [T] is what
    one unit should carry: requests a minute (real-time), waiting requests (asynchronous), or the
    share in use of the provisioned concurrency, 0 to 1 (serverless). Default: the kind's own.
    """

    min_capacity: int = 1
    max_capacity: int = 4
    target: float | None = None
    scale_in_cooldown_seconds: int = 300
    scale_out_cooldown_seconds: int = 60
