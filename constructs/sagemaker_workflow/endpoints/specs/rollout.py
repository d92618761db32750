"""How an update replaces what serves, as a value. [T] may be a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aws_cdk import CfnCondition

Strategy = Literal["canary", "linear", "all_at_once", "rolling"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """How an update replaces what serves, and what sends it back.

    - `strategy`: canary (one step, then the rest), linear (equal steps), all_at_once, rolling (in
      place, without a second fleet). Canary and linear need two instances: at one it is all at
      once. Default: the kind's own, canary where there are instances.
    - `step_percent`: of the capacity. Default: one instance.
    - `wait_seconds`: between steps and after the last, while the alarms are watched.
    - `termination_wait_seconds`: the old fleet stays that long after the switch.
    - `timeout_seconds`: the update is rolled back when it takes longer. Default: the waits, and
      an hour.
    - `max_errors` [T]: errors a minute that send it back (also the alarm of every day).
    - `max_latency_ms` [T]: 99th percentile of the model's latency that sends it back.
    - `alarms_active`: when this does not hold, alarms do not stop an update: an alarm that
      already fires would otherwise block its own fix. Default: they always do.
    - `apply_configured_counts`: when this holds, an update sets the configured instance count
      instead of keeping the one that scaling set. Default: never.
    - `apply_configured_weights`: when this holds, an update sets the configured weights, and keeps
      the counts. Default: never.
    - `change_variants`: while this holds, an update is all at once and nothing sends it back, for
      the service refuses both where variants come or go. Default: never.
    """

    strategy: Strategy | None = None
    step_percent: int | None = None
    wait_seconds: int = 300
    termination_wait_seconds: int = 120
    timeout_seconds: int | None = None
    max_errors: float = 5
    max_latency_ms: float | None = None
    alarms_active: CfnCondition | None = None
    apply_configured_counts: CfnCondition | None = None
    apply_configured_weights: CfnCondition | None = None
    change_variants: CfnCondition | None = None
