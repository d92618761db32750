"""Values as the services want them: CloudFormation sends every one as text."""

from __future__ import annotations

from typing import Any

_WHOLE = {
    "MinCapacity",
    "MaxCapacity",
    "ScaleInCooldown",
    "ScaleOutCooldown",
    "Cooldown",
    "ScalingAdjustment",
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
}
_REAL = {"TargetValue", "Threshold", "MetricIntervalLowerBound"}


def typed(value: Any, key: str = "") -> Any:
    """The value with its numbers as numbers."""
    if isinstance(value, dict):
        return {name: typed(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner, key) for inner in value]
    if key in _WHOLE:
        return int(float(value))
    return float(value) if key in _REAL else value
