"""When a scheduled action runs: `at(...)`, `rate(...)` and `cron(...)`.

API reference, PutScheduledAction. Rates are intervals and go with the time factor; the others name
moments of the clock.
"""

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local_aws import adapter

_AT = re.compile(r"at\((?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_RATE = re.compile(r"rate\((?P<value>[1-9]\d*) (?P<unit>minute|hour|day)s?\)")
_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


def next_run(schedule: str, zone: str | None, after: float, *, since: float) -> float | None:
    """When the schedule runs next after a moment, in seconds since the epoch; None for never.

    `since` is where rates are counted from. Raises ValueError saying what is wrong with it.
    """
    place = _zone(zone)
    at, rate = _AT.fullmatch(schedule), _RATE.fullmatch(schedule)
    if at:
        moment = datetime.fromisoformat(at["moment"]).replace(tzinfo=place).timestamp()
        return moment if moment > after else None
    if rate:
        interval = adapter.scaled(int(rate["value"]) * _UNIT_SECONDS[rate["unit"]])
        passed = max(0, int((after - since) // interval)) if after >= since else -1
        return since + (passed + 1) * interval
    if schedule.startswith("cron("):
        found = adapter.next_cron(schedule, datetime.fromtimestamp(after, place))
        return found.timestamp() if found else None
    raise ValueError(
        f"{schedule} is none of at(yyyy-mm-ddThh:mm:ss), rate(value unit) and cron(fields)"
    )


def _zone(name: str | None) -> tzinfo:
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{name} is no time zone") from error
