"""What automatic scaling is asked to do, as values. [T] may be a parameter's value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Follows = Literal["invocations", "concurrency", "backlog", "provisioned_concurrency"]

# What one unit of capacity carries when nobody says: requests a minute, requests at once, requests
# waiting (the value of the service's guide, contracts 5.6), share in use.
TARGETS: dict[str, float] = {
    "invocations": 1000,
    "concurrency": 5,
    "backlog": 5,
    "provisioned_concurrency": 0.7,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A CloudWatch metric of one's own that grows with the load and falls with the capacity.

    Target tracking divides the metric by the target to know how many units are needed, so it must
    be per unit: GPUUtilization is, a queue's length is not.
    """

    namespace: str
    name: str
    statistic: Literal["Average", "Minimum", "Maximum", "SampleCount", "Sum"] = "Average"
    dimensions: Mapping[str, str] = field(default_factory=dict)
    unit: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """From a moment on, other bounds: for nights and weekends, or before a known rush.

    - `at`: when, as Application Auto Scaling writes it: `cron(0 20 ? * MON-FRI *)`,
      `at(2026-12-24T18:00:00)` or `rate(...)`; in `timezone`, an IANA name.
    - `min_capacity` [T], `max_capacity` [T]: the bounds from then on. Both to the floor turns
      down whatever the load.
    """

    at: str
    min_capacity: int
    max_capacity: int
    timezone: str = "UTC"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """Capacity follows the load between two bounds, both [T].

    Capacity is instances, for a serverless endpoint provisioned concurrency.

    - `follows`: which load. Default: the kind's own, `invocations` for a real-time endpoint,
      `backlog` for an asynchronous one, `provisioned_concurrency` for a serverless one.
      `concurrency`, requests at once of a real-time endpoint, is measured every ten seconds and so
      is quicker, and right where requests take long. A `Metric` of one's own needs a `target`.
    - `target` [T]: what one unit should carry: requests a minute, requests at once, waiting
      requests, or the share in use, 0 to 1. Default: the load's own.
    - `schedules`, by name: bounds that change with the clock.
    """

    min_capacity: int = 1
    max_capacity: int = 4
    target: float | None = None
    scale_in_cooldown_seconds: int = 300
    scale_out_cooldown_seconds: int = 60
    follows: Follows | Metric | None = None
    schedules: Mapping[str, Schedule] = field(default_factory=dict)


def loads(kind: Follows) -> Sequence[Follows]:
    """The loads that an endpoint whose own is `kind` can follow, besides a metric."""
    return ("invocations", "concurrency") if kind == "invocations" else (kind,)
