"""How much capacity a policy wants, as arithmetic.

Application Auto Scaling User Guide, "How step scaling works" and "How target tracking works".
"""

import math
from collections.abc import Mapping
from typing import Any


def tracked(current: int, value: float, target: float) -> int:
    """The capacity that would bring a metric of `value` back to its target.

    In proportion, so that nothing grows out of zero: target tracking alone never leaves it.
    """
    return math.ceil(round(current * value / target, 6))


def stepped(configuration: Mapping[str, Any], current: int, breach: float) -> int | None:
    """The capacity after the step that `breach` (metric less threshold) falls in; None for none."""
    for step in configuration["StepAdjustments"]:
        lower = step.get("MetricIntervalLowerBound", float("-inf"))
        upper = step.get("MetricIntervalUpperBound", float("inf"))
        # Above the threshold the lower bound belongs to a step, below it the upper one.
        inside = lower <= breach < upper if breach >= 0 else lower < breach <= upper
        if inside:
            return _adjusted(configuration, current, int(step["ScalingAdjustment"]))
    return None


def _adjusted(configuration: Mapping[str, Any], current: int, adjustment: int) -> int:
    kind = configuration["AdjustmentType"]
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return current + adjustment
    change = current * adjustment / 100
    # Between -1 and 1 a change is rounded away from zero, otherwise towards it.
    whole = math.copysign(1, change) if 0 < abs(change) < 1 else math.trunc(change)
    least = int(configuration.get("MinAdjustmentMagnitude", 0))
    if adjustment and abs(whole) < least:
        whole = math.copysign(least, adjustment)
    return current + int(whole)
