"""Rolling updates of components: what a DeploymentConfig may say and the batches it means."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

_LEAST, _MOST = 0.05, 0.5  # API, InferenceComponentRollingUpdatePolicy: 5% to 50% of the copies
TIMEOUT_SECONDS = 8 * 3600  # MaximumExecutionTimeoutInSeconds at its most


def faults(deployment: Mapping[str, Any], copies: int) -> Iterator[str]:
    """Every rule of contracts.md 3.4 the deployment breaks, for that many copies."""
    size = deployment["RollingUpdatePolicy"]["MaximumBatchSize"]
    share = _share(size, copies)
    if copies and not _LEAST <= share <= _MOST:
        yield (
            f"MaximumBatchSize must be 5 to 50 percent of the {copies} copies of the inference "
            f"component, got {share:.0%}"
        )


def batch(size: Mapping[str, Any] | None, copies: int) -> int:
    """How many copies change at once; all of them when no size is given."""
    if size is None:
        return max(copies, 1)
    return max(1, math.floor(round(_share(size, copies) * copies, 6)))


def _share(size: Mapping[str, Any], copies: int) -> float:
    value = float(size["Value"])
    return value / 100 if size["Type"] == "CAPACITY_PERCENT" else value / max(copies, 1)
