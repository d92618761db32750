"""What `[endpoints.x.scaling]` and `[endpoints.x.schedule]` refuse, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.settings import SettingsError, parse

TEXT = """
project = "shop"
environment = "local"
region = "eu-west-1"
[dataset]
name = "orders"
problem = "binary"
target = "late"
[dataset.columns]
amount = "number"
late = "boolean"
[training]
instance_type = "ml.m5.xlarge"
[endpoints.live]
kind = "realtime"
instance_type = "ml.m5.large"
"""
WORKDAYS = 'at = "cron(0 20 ? * MON-FRI *)"'
MOMENTS = "must be cron(...) with six fields, rate(...) or at(...): write one like"
CASES = {
    "a load nobody measures": (
        '[endpoints.live.scaling]\nfollows = "cpu"',
        'endpoints.live.scaling.follows = "cpu": must be "own", "concurrency" or "metric"',
    ),
    "concurrency without a target": (
        '[endpoints.live.scaling]\nfollows = "concurrency"',
        'endpoints.live.scaling.target: follows = "concurrency" needs it: what one instance should'
        " carry",
    ),
    "a target of nothing": (
        '[endpoints.live.scaling]\nfollows = "concurrency"\ntarget = 0',
        "endpoints.live.scaling.target = 0: must be more than 0.0",
    ),
    "a metric that is not named": (
        '[endpoints.live.scaling]\nfollows = "metric"\ntarget = 1',
        'endpoints.live.scaling.metric: follows = "metric" needs it: write namespace, name and'
        " dimensions",
    ),
    "a cooldown of days": (
        "[endpoints.live.scaling]\nscale_in_cooldown_seconds = 90000",
        "endpoints.live.scaling.scale_in_cooldown_seconds = 90000: must be at most 86400",
    ),
    "bounds upside down": (
        f"[endpoints.live.scaling.schedules.night]\n{WORKDAYS}\nmin_capacity = 2\nmax_capacity = 1",
        "endpoints.live.scaling.schedules.night.max_capacity = 1: must be at least min_capacity, 2",
    ),
    "bounds above the limit": (
        f"[endpoints.live.scaling.schedules.rush]\n{WORKDAYS}\nmin_capacity = 1\nmax_capacity = 9",
        "endpoints.live.scaling.schedules.rush.max_capacity = 9: must be at most 4, capacity_limit"
        " or twice max_capacity",
    ),
    "a crontab's five fields": (
        '[endpoints.live.schedule]\nstop = "cron(0 20 * * *)"',
        'endpoints.live.schedule.stop = "cron(0 20 * * *)": must be one with six, minutes, hours,'
        " day of month, month, day of week, year: write one like 'cron(0 20 ? * MON-FRI *)' (it is"
        " with 5 fields)",
    ),
    "a moment in words": (
        '[endpoints.live.schedule]\nstop = "at night"',
        f"endpoints.live.schedule.stop = \"at night\": {MOMENTS} 'cron(0 20 ? * MON-FRI *)'",
    ),
    "a start when it stops": (
        '[endpoints.live.schedule]\nstop = "rate(1 day)"\nstart = "rate(1 day)"',
        'endpoints.live.schedule.start = "rate(1 day)": must be another moment than stop: change'
        " one of them",
    ),
    "a time zone of no atlas": (
        '[endpoints.live.schedule]\nstop = "rate(1 day)"\ntimezone = "Europe/Berln"',
        'endpoints.live.schedule.timezone = "Europe/Berln": must be an IANA time zone, near it is'
        " Europe/Berlin: write one like 'Europe/Berlin'",
    ),
    "hours without an end": (
        '[endpoints.live.schedule]\nstart = "rate(1 day)"',
        "endpoints.live.schedule.stop: missing; add it (required)",
    ),
}


def faults(folder: Path, lines: str) -> list[str]:
    (folder / "local.toml").write_text(TEXT + lines)
    with pytest.raises(SettingsError) as refused:
        parse(folder / "local.toml")
    return refused.value.faults


@pytest.mark.parametrize(("lines", "said"), CASES.values(), ids=CASES.keys())
def test_says_what_is_wrong_and_what_to_write(tmp_path: Path, lines: str, said: str) -> None:
    assert faults(tmp_path, lines) == [said]


def test_a_metric_is_followed_only_when_that_is_said(tmp_path: Path) -> None:
    [said] = faults(
        tmp_path, '[endpoints.live.scaling.metric]\nnamespace = "Shop"\nname = "Waiting"'
    )
    assert said.startswith("endpoints.live.scaling.metric = ")
    assert said.endswith('is followed only with follows = "metric"')


def test_what_can_be_followed_and_scheduled_is_taken_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "local.toml").write_text(
        TEXT
        + '[endpoints.live.scaling]\nfollows = "concurrency"\ntarget = 4\n'
        + f"[endpoints.live.scaling.schedules.night]\n{WORKDAYS}\n"
        + 'timezone = "Europe/Berlin"\nmin_capacity = 1\nmax_capacity = 1\n'
        + '[endpoints.live.schedule]\nstop = "cron(0 22 ? * * *)"\nstart = "cron(0 6 ? * * *)"'
    )
    live = parse(tmp_path / "local.toml").endpoints["live"]
    assert (live.scaling.follows, live.scaling.target) == ("concurrency", 4)
    assert live.scaling.schedules["night"].timezone == "Europe/Berlin"
    assert live.schedule.stop == "cron(0 22 ? * * *)"
