"""How CloudWatch judges an alarm: datapoints of whole periods, M out of N, missing ones as told.

CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_COMPARISONS = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
_SYMBOLS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """The state an alarm should be in, and why in CloudWatch's words."""

    state: str
    reason: str


def judge(alarm: Mapping[str, Any], datapoints: Sequence[float | None]) -> Judgement | None:
    """The alarm's state from its last `EvaluationPeriods` datapoints, oldest first, None missing.

    None when it stays as it is: missing data ignored, or a comparison with an anomaly band, which
    is not done here.
    """
    compare = _COMPARISONS.get(str(alarm.get("ComparisonOperator")))
    if compare is None:
        return None
    threshold = float(alarm.get("Threshold") or 0)
    periods = int(alarm.get("EvaluationPeriods") or 1)
    needed = int(alarm.get("DatapointsToAlarm") or periods)
    missing = str(alarm.get("TreatMissingData") or "missing")
    present = [point for point in datapoints if point is not None]
    breaching = sum(compare(point, threshold) for point in present)
    absent = len(datapoints) - len(present)
    if missing == "breaching":
        breaching += absent
    elif missing == "ignore" and breaching < needed <= breaching + absent:
        return None  # what is missing would decide
    elif missing == "missing":
        if not present:
            return Judgement(
                state="INSUFFICIENT_DATA",
                reason=f"Insufficient Data: {periods} datapoints were unknown.",
            )
        needed = min(needed, len(present))  # only what is known can speak
    state = "ALARM" if breaching >= needed else "OK"
    return Judgement(state=state, reason=_reason(alarm, state, present, threshold, breaching))


def _reason(
    alarm: Mapping[str, Any], state: str, present: Sequence[float], threshold: float, count: int
) -> str:
    if not present:
        return f"Threshold Crossed: no datapoints were received; treated as {state}."
    symbol = _SYMBOLS[str(alarm["ComparisonOperator"])]
    if state == "OK":
        symbol, count = f"not {symbol}", len(present)
    values = ", ".join(str(value) for value in present)
    return (
        f"Threshold Crossed: {count} datapoint{'s' if count != 1 else ''} [{values}] "
        f"{'were' if count != 1 else 'was'} {symbol} the threshold ({threshold})."
    )
