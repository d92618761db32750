"""When scheduled actions run (API reference, PutScheduledAction)."""

from datetime import UTC, datetime

import pytest

from local_aws import adapter
from local_aws.autoscaling.schedules import next_run

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "scaled", lambda seconds: seconds / 60)


def test_at_names_one_moment() -> None:
    assert next_run("at(2026-03-02T12:30:00)", None, NOON, since=0) == NOON + 1800
    assert next_run("at(2026-03-02T11:30:00)", None, NOON, since=0) is None


def test_at_is_read_in_its_time_zone() -> None:
    found = next_run("at(2026-03-02T14:00:00)", "Europe/Berlin", NOON, since=0)
    assert found == NOON + 3600


def test_a_rate_counts_from_its_start_and_goes_with_the_time_factor() -> None:
    """An hour is a minute at a time factor of 60."""
    assert next_run("rate(1 hour)", None, NOON, since=NOON) == NOON + 60
    assert next_run("rate(2 hours)", None, NOON + 130, since=NOON) == NOON + 240
    assert next_run("rate(5 minutes)", None, NOON, since=NOON + 1) == NOON + 1


@pytest.mark.parametrize(
    ("schedule", "zone", "reason"),
    [
        (
            "every day",
            None,
            "is none of at(yyyy-mm-ddThh:mm:ss), rate(value unit) and cron(fields)",
        ),
        ("rate(0 minutes)", None, "is none of"),
        ("rate(1 week)", None, "is none of"),
        ("rate(1 day)", "Mars/Olympus", "Mars/Olympus is no time zone"),
    ],
)
def test_refuses_what_is_no_schedule(schedule: str, zone: str | None, reason: str) -> None:
    with pytest.raises(ValueError, match="is no") as caught:
        next_run(schedule, zone, NOON, since=0)
    assert reason in str(caught.value)
