"""What is refused of scaling, capture and metrics of a real-time endpoint, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_workflow.endpoints import (
    Capture,
    Metrics,
    Operations,
    RealtimeEndpoint,
    Scaling,
)

Refused = tuple[Callable[[Any], Any], str]

REFUSED: dict[str, Refused] = {
    "sleep": (
        lambda given: {"model": given.model(), "scaling": Scaling(min_capacity=0)},
        "scaling min_capacity (instances) is 0, allowed is 1 to 1000: only an asynchronous "
        "endpoint goes down to zero",
    ),
    "a floor above the ceiling": (
        lambda given: {"model": given.model(), "scaling": Scaling(min_capacity=5)},
        "scaling min_capacity is 5, allowed is at most max_capacity, 4: lower it or raise "
        "max_capacity",
    ),
    "a ceiling above any": (
        lambda given: {"model": given.model(), "scaling": Scaling(max_capacity=1001)},
        "scaling max_capacity (instances) is 1001, allowed is 1 to 1000: lower it",
    ),
    "a target of nothing": (
        lambda given: {"model": given.model(), "scaling": Scaling(target=0)},
        "scaling target is 0, allowed is more than 0: raise it",
    ),
    "a cooldown of two days": (
        lambda given: {
            "model": given.model(),
            "scaling": Scaling(scale_in_cooldown_seconds=172800),
        },
        "scaling scale_in_cooldown_seconds is 172800, allowed is 0 to 86400: lower it",
    ),
    "a capture of nothing": (
        lambda given: {
            "model": given.model(),
            "capture": Capture(bucket=given.bucket, prefix="c", sampling_percent=0),
        },
        "capture sampling_percent is 0, allowed is 1 to 100: leave capture out to keep nothing",
    ),
    "a capture of more than all": (
        lambda given: {
            "model": given.model(),
            "capture": Capture(bucket=given.bucket, prefix="c", sampling_percent=101),
        },
        "capture sampling_percent is 101, allowed is 1 to 100: lower it",
    ),
    "a capture of neither side": (
        lambda given: {
            "model": given.model(),
            "capture": Capture(bucket=given.bucket, prefix="c", modes=[]),
        },
        'capture modes is empty: name "Input", "Output" or both',
    ),
    "a capture of an unknown side": (
        lambda given: {
            "model": given.model(),
            "capture": Capture(bucket=given.bucket, prefix="c", modes=["Both"]),
        },
        "capture mode is 'Both', allowed is one of Input, Output: choose one",
    ),
    "a capture under a bucket": (
        lambda given: {
            "model": given.model(),
            "capture": Capture(bucket=given.bucket, prefix="s3://b/c"),
        },
        "capture prefix is 's3://b/c', allowed is a key prefix without bucket and leading "
        "slash: write one like 'churn/capture'",
    ),
    "a content type with a parameter": (
        lambda given: {
            "model": given.model(),
            "capture": Capture(
                bucket=given.bucket, prefix="c", csv_content_types=["text/csv; charset=utf-8"]
            ),
        },
        "capture csv_content_types has 'text/csv; charset=utf-8', allowed is a type like "
        "text/csv, without parameters: shorten it",
    ),
    "eleven content types": (
        lambda given: {
            "model": given.model(),
            "capture": Capture(
                bucket=given.bucket, prefix="c", json_content_types=[f"a/b{n}" for n in range(11)]
            ),
        },
        "capture json_content_types has 11 entries, allowed is 10: name those your callers send",
    ),
    "a content type that is CSV and JSON": (
        lambda given: {
            "model": given.model(),
            "capture": Capture(bucket=given.bucket, prefix="c", json_content_types=["text/csv"]),
        },
        "capture content type text/csv is among CSV and JSON, allowed is one of both: "
        "remove it from one list",
    ),
    "metrics every second": (
        lambda given: {
            "model": given.model(),
            "operations": Operations(metrics=Metrics(every_seconds=1)),
        },
        "metrics every_seconds is 1, allowed is one of 10, 30, 60, 120, 180, 240, 300: choose one",
    ),
}


@pytest.mark.parametrize(("options", "says"), REFUSED.values(), ids=REFUSED)
def test_is_refused_with_what_to_change(
    given: Any, options: Callable[[Any], dict[str, Any]], says: str
) -> None:
    asked = options(given)
    with pytest.raises(ValueError, match=re.escape(says)) as refused:
        RealtimeEndpoint(given.stack, "Churn", **asked)
    assert str(refused.value) == f"RealtimeEndpoint Test/Churn: {says}"
