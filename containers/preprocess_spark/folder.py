"""A folder of objects that are one table together: read in the order of their keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from preprocess.faults import ObjectFault
from preprocess.source import Source


def is_folder(place: Mapping[str, Any]) -> bool:
    """Whether an event speaks of every object under a prefix: its key ends in a slash."""
    return str(place["key"]).endswith("/")


def sources(bucket: str, listed: Iterable[Mapping[str, Any]]) -> list[Source]:
    """Return the objects of a listing, without the empty ones that consoles make for folders."""
    found = [
        Source(
            bucket=bucket,
            key=one["Key"],
            etag=one["ETag"].strip('"'),
            version_id=None,
            size=int(one["Size"]),
        )
        for one in listed
        if not one["Key"].endswith("/")
    ]
    return sorted(found, key=lambda one: one.key)


def whole(place: Mapping[str, Any], parts: Sequence[Source]) -> Source:
    """Return the folder as one source: another object in it, or other bytes, make it another."""
    if not parts:
        raise ObjectFault("There is no object under it.")
    digest = hashlib.sha256(json.dumps([[one.key, one.etag] for one in parts]).encode())
    return Source(
        bucket=place["bucket"],
        key=place["key"],
        etag=digest.hexdigest()[:32],
        version_id=None,
        size=sum(one.size for one in parts),
    )
