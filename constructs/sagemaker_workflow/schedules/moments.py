"""Moments as EventBridge Scheduler and Application Auto Scaling write them, and what is wrong."""

from __future__ import annotations

import difflib
import re
import zoneinfo

_CRON = re.compile(r"cron\((?P<fields>[^()]+)\)")
_RATE = re.compile(r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)")
_AT = re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)")
_FIELDS = ("minutes", "hours", "day of month", "month", "day of week", "year")


def moment_fault(name: str, value: str) -> str | None:
    """What is wrong with a cron(...), rate(...) or at(...) expression; None when nothing is."""
    if _RATE.fullmatch(value) or _AT.fullmatch(value):
        return None
    cron = _CRON.fullmatch(value)
    if cron is None:
        return (
            f"{name} is {value!r}, allowed is cron(...) with six fields, rate(...) or at(...): "
            "write one like 'cron(0 20 ? * MON-FRI *)'"
        )
    fields = cron["fields"].split()
    if len(fields) != len(_FIELDS):
        return (
            f"{name} is {value!r} with {len(fields)} fields, allowed is one with six, "
            f"{', '.join(_FIELDS)}: write one like 'cron(0 20 ? * MON-FRI *)'"
        )
    if (fields[2] == "?") == (fields[4] == "?"):
        return (
            f"{name} is {value!r}, allowed is one '?', for the day of the month or for the day of "
            "the week: put it where the other one decides"
        )
    return None


def timezone_fault(name: str, value: str) -> str | None:
    """What is wrong with a time zone; None when nothing is, or this machine knows no time zones."""
    known = zoneinfo.available_timezones()
    if not known or value in known:
        return None
    near = difflib.get_close_matches(value, sorted(known), n=1, cutoff=0.5)
    return (
        f"{name} is {value!r}, allowed is an IANA time zone"
        f"{', near it is ' + near[0] if near else ''}: write one like 'Europe/Berlin'"
    )
