"""What an endpoint of inference components is asked to be, as values. [T] may be a parameter.

Ranges: contracts 3.4 and the SageMaker API Reference, CreateInferenceComponent and
ProductionVariant's ManagedInstanceScaling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aws_cdk import CfnCondition

ScaleIn = Literal["IDLE_RELEASE", "CONSOLIDATION"]
Follows = Literal["concurrency", "invocations"]

# What a prefix-aware route would need of the copies is not known for components.
ROUTING = ("LEAST_OUTSTANDING_REQUESTS", "RANDOM")
CPUS = (0.25, 1024)
MEMORY_MB = (128, 32 * 1024 * 1024)
STEP_SIZE = (1, 100)
SCALE_IN_MINUTES = (5, 1440)
BATCH_PERCENT = (5, 50)
# Requests in work at once, and requests a minute, that one copy carries when nobody says.
TARGETS: dict[str, float] = {"concurrency": 5, "invocations": 600}


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagedScaling:
    """Instances come and go with the copies, between two bounds, both [T].

    At `min_instances=0` nothing is left running when no component has a copy. `scale_in` frees
    instances that hold no copy (IDLE_RELEASE), or packs copies together first (CONSOLIDATION);
    at most `step_size` at a time, `cooldown_minutes` apart. Default: the service's own policy.
    """

    min_instances: int = 1
    max_instances: int = 2
    scale_in: ScaleIn | None = None
    step_size: int = 1
    cooldown_minutes: int = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """What each copy of a model takes of an instance, and how long it may take to start.

    `accelerators` GPUs of its own; `cpus` cores, also parts of one; `memory_mb` at least,
    `max_memory_mb` at most (default: no limit). The service finds room for it.
    """

    memory_mb: int = 1024
    max_memory_mb: int | None = None
    cpus: float | None = None
    accelerators: int | None = None
    startup_timeout_seconds: int = 600
    download_timeout_seconds: int = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class ComponentScaling:
    """Copies follow the load between two bounds, both [T]; at `min_copies=0` down to none.

    `follows` concurrency (requests in work per copy, measured every ten seconds) or invocations
    (requests per copy and minute); `target` is what one copy should carry. A component without a
    copy answers nothing, and the first request that fails brings one back.
    """

    min_copies: int = 1
    max_copies: int = 4
    follows: Follows = "concurrency"
    target: float | None = None
    scale_in_cooldown_seconds: int = 300
    scale_out_cooldown_seconds: int = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class ComponentRollout:
    """How an update replaces the copies, in batches, and what sends it back.

    - `batch_percent` of the copies at a time; `wait_seconds` after each, the alarms watched.
    - `timeout_seconds`: the update is rolled back when it takes longer.
    - `max_errors` [T] a minute, `max_latency_ms` for the 99th percentile: the alarms, which also
      tell of these every day.
    - `alarms_active`: when this does not hold, alarms do not stop an update. Default: they do.
    """

    batch_percent: int = 50
    wait_seconds: int = 120
    timeout_seconds: int = 3600
    max_errors: float = 5
    max_latency_ms: float = 5000
    alarms_active: CfnCondition | None = None
