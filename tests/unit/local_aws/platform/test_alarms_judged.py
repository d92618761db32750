"""Alarms judged as the table of the CloudWatch User Guide has it."""

from typing import Any

import pytest

from local_aws.alarms import judge

X, F = 9.0, 1.0  # beyond the threshold, and fine


def alarm(**given: Any) -> dict[str, Any]:
    return {
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 5.0,
        "EvaluationPeriods": 3,
        **given,
    }


@pytest.mark.parametrize(
    ("datapoints", "missing", "ignore", "breaching", "not_breaching"),
    [
        ([None, None, None], "INSUFFICIENT_DATA", None, "ALARM", "OK"),
        ([None, None, F], "OK", "OK", "OK", "OK"),
        ([None, None, X], "ALARM", None, "ALARM", "OK"),
        ([X, X, X], "ALARM", "ALARM", "ALARM", "ALARM"),
        ([X, F, X], "OK", "OK", "OK", "OK"),
    ],
)
def test_treats_missing_data_as_told(
    datapoints: list[float | None],
    missing: str,
    ignore: str | None,
    breaching: str,
    not_breaching: str,
) -> None:
    states = {}
    for treatment in ("missing", "ignore", "breaching", "notBreaching"):
        judged = judge(alarm(TreatMissingData=treatment), datapoints)
        states[treatment] = judged.state if judged else None

    assert states == {
        "missing": missing,
        "ignore": ignore,
        "breaching": breaching,
        "notBreaching": not_breaching,
    }


def test_two_of_three_are_enough_where_the_alarm_says_so() -> None:
    judged = judge(alarm(DatapointsToAlarm=2), [X, F, X])

    assert judged is not None
    assert judged.state == "ALARM"
    assert judged.reason == (
        "Threshold Crossed: 2 datapoints [9.0, 1.0, 9.0] were greater than the threshold (5.0)."
    )


def test_numbers_from_a_template_are_strings() -> None:
    judged = judge(alarm(Threshold="5", EvaluationPeriods="1"), [X])

    assert judged is not None
    assert judged.state == "ALARM"


def test_leaves_anomaly_bands_alone() -> None:
    assert judge(alarm(ComparisonOperator="GreaterThanUpperThreshold"), [X, X, X]) is None
