"""The arithmetic of scaling policies."""

from typing import Any

import pytest

from local_aws.autoscaling.decisions import stepped, tracked


@pytest.mark.parametrize(
    ("current", "value", "wanted"),
    [(1, 140.0, 2), (2, 71.0, 3), (4, 35.0, 2), (3, 70.0, 3), (0, 500.0, 0)],
)
def test_tracks_its_target_in_proportion(current: int, value: float, wanted: int) -> None:
    assert tracked(current, value, 70.0) == wanted


def steps(kind: str, **rest: Any) -> dict[str, Any]:
    return {
        "AdjustmentType": kind,
        "StepAdjustments": [
            {"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -10},
            {
                "MetricIntervalLowerBound": 0.0,
                "MetricIntervalUpperBound": 10.0,
                "ScalingAdjustment": 10,
            },
            {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 30},
        ],
        **rest,
    }


@pytest.mark.parametrize(
    ("kind", "breach", "after"),
    [
        ("ChangeInCapacity", 0.0, 20),
        ("ChangeInCapacity", 9.9, 20),
        ("ChangeInCapacity", 10.0, 40),
        ("ChangeInCapacity", -0.1, 0),
        ("ExactCapacity", 10.0, 30),
        ("PercentChangeInCapacity", 10.0, 13),
        ("PercentChangeInCapacity", 5.0, 11),
    ],
)
def test_takes_the_step_the_breach_falls_in(kind: str, breach: float, after: int) -> None:
    assert stepped(steps(kind), 10, breach) == after


def test_rounds_a_small_percentage_away_from_zero() -> None:
    assert stepped(steps("PercentChangeInCapacity"), 3, 5.0) == 4


def test_changes_by_the_least_magnitude_at_least() -> None:
    assert stepped(steps("PercentChangeInCapacity", MinAdjustmentMagnitude=4), 10, 5.0) == 14


def test_takes_no_step_outside_every_interval() -> None:
    only_above = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 5.0, "ScalingAdjustment": 1}],
    }

    assert stepped(only_above, 1, 1.0) is None
