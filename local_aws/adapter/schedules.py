"""Cron expressions as AWS writes them."""

from datetime import datetime


def next_cron(expression: str, after: datetime) -> datetime | None:
    """The first time after `after`, in its time zone, that `cron(...)` names; None when past.

    Raises ValueError for what is no cron expression of six fields.
    """
    from ministack.services import eventbridge

    fields = eventbridge._parse_cron_fields(expression)
    if fields is None:
        raise ValueError(f"{expression} is no cron expression of six fields")
    found = eventbridge._cron_next_fire(fields, after)
    return found if isinstance(found, datetime) else None
