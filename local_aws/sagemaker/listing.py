"""What the List operations have in common: filters, order and pages."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from local_aws.sagemaker.errors import invalid

Record = Mapping[str, Any]
T = TypeVar("T")
_DEFAULT_PAGE = 10  # what the List operations return when MaxResults is absent


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """How one noun is listed.

    `summary` holds the members of a summary; one the record lacks is left out.
    """

    result: str
    name: str
    summary: Sequence[str]
    status: str | None = None
    order: str = "Descending"  # the API's default differs from one noun to the next


def answer(listing: Listing, records: Iterable[Record], params: Record) -> dict[str, Any]:
    """The List response: what passes the filters, sorted, one page of it."""
    kept = [record for record in records if _passes(listing, record, params)]
    fields = {"Name": listing.name, "Status": listing.status or listing.name}
    by = fields.get(params.get("SortBy", ""), "CreationTime")
    kept.sort(
        key=lambda record: (record.get(by) or 0, record[listing.name]),
        reverse=params.get("SortOrder", listing.order) == "Descending",
    )
    identity = _identity(listing)
    shown, token = page(kept, params, default=_DEFAULT_PAGE, identity=identity)
    summaries = [{k: r[k] for k in listing.summary if r.get(k) is not None} for r in shown]
    return {listing.result: summaries} | ({"NextToken": token} if token else {})


def page(
    items: Sequence[T], params: Record, *, default: int, identity: Callable[[T], str]
) -> tuple[Sequence[T], str | None]:
    """One page and the token of the next. The token names the last item shown."""
    size = params.get("MaxResults") or default
    start = 0
    if params.get("NextToken"):
        last = _decoded(params["NextToken"])
        places = [place for place, item in enumerate(items) if identity(item) == last]
        if not places:
            raise invalid("Invalid pagination token: what it points at is gone")
        start = places[0] + 1
    shown = items[start : start + size]
    more = start + size < len(items)
    return shown, _encoded(identity(shown[-1])) if more else None


def _identity(listing: Listing) -> Callable[[Record], str]:
    arn = next((member for member in listing.summary if member.endswith("Arn")), listing.name)
    return lambda record: str(record[arn])


def _passes(listing: Listing, record: Record, params: Record) -> bool:
    contains = params.get("NameContains", "").lower()
    wanted = params.get("StatusEquals")
    return (
        contains in str(record[listing.name]).lower()
        and (wanted is None or listing.status is None or record[listing.status] == wanted)
        and _within(record, params, "CreationTime")
        and _within(record, params, "LastModifiedTime")
    )


def _within(record: Record, params: Record, member: str) -> bool:
    after, before = params.get(f"{member}After"), params.get(f"{member}Before")
    moment = record.get(member, 0)
    return (after is None or moment > after) and (before is None or moment < before)


def _encoded(last: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(last).encode()).decode()


def _decoded(token: str) -> str:
    try:
        return str(json.loads(base64.urlsafe_b64decode(token.encode())))
    except (binascii.Error, ValueError) as fault:
        raise invalid("Invalid pagination token") from fault
