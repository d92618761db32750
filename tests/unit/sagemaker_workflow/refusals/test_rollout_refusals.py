"""What is refused of an endpoint's name, and the way it is updated, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_workflow.endpoints import (
    RealtimeEndpoint,
    Rollout,
)

Refused = tuple[Callable[[Any], Any], str]

REFUSED: dict[str, Refused] = {
    "a name with an underscore": (
        lambda given: {"model": given.model(), "name": "churn_live"},
        "name is 'churn_live' (10 characters), allowed are 1 to 63 letters, digits and "
        "inner hyphens: shorten or rename it",
    ),
    "a name of 64 letters": (
        lambda given: {"model": given.model(), "name": "c" * 64},
        "name is 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc' (64 "
        "characters), allowed are 1 to 63 letters, digits and inner hyphens: shorten or "
        "rename it",
    ),
    "a name that is a parameter": (
        lambda given: {"model": given.model(), "name": given.parameter("Name")},
        "name is known at deployment only, allowed is a literal: permissions and the log "
        "group are made from it; write it, or leave it out for a generated one",
    ),
    "a strategy that is none": (
        lambda given: {"model": given.model(), "rollout": Rollout(strategy="blue")},
        "rollout strategy is 'blue', allowed is one of canary, linear, all_at_once, "
        "rolling: choose one",
    ),
    "a canary above half": (
        lambda given: {"model": given.model(), "rollout": Rollout(step_percent=51)},
        "rollout step_percent (canary) is 51, allowed is 1 to 50: lower it",
    ),
    "linear steps too small": (
        lambda given: {
            "model": given.model(),
            "rollout": Rollout(strategy="linear", step_percent=5),
        },
        "rollout step_percent (linear) is 5, allowed is 10 to 50: raise it",
    ),
    "rolling steps too small": (
        lambda given: {
            "model": given.model(),
            "rollout": Rollout(strategy="rolling", step_percent=4),
        },
        "rollout step_percent (rolling) is 4, allowed is 5 to 50: raise it",
    ),
    "steps of all at once": (
        lambda given: {
            "model": given.model(),
            "rollout": Rollout(strategy="all_at_once", step_percent=5),
        },
        "rollout step_percent means nothing for all_at_once: leave it out",
    ),
    "a wait of more than an hour": (
        lambda given: {"model": given.model(), "rollout": Rollout(wait_seconds=4000)},
        "rollout wait_seconds is 4000, allowed is 0 to 3600: lower it",
    ),
    "an old fleet for more than an hour": (
        lambda given: {"model": given.model(), "rollout": Rollout(termination_wait_seconds=3601)},
        "rollout termination_wait_seconds is 3601, allowed is 0 to 3600: lower it",
    ),
    "a limit of a minute": (
        lambda given: {
            "model": given.model(),
            "rollout": Rollout(timeout_seconds=60, wait_seconds=10, termination_wait_seconds=0),
        },
        "rollout timeout_seconds is 60, allowed is 600 to 28800: raise it",
    ),
    "waits beyond the limit": (
        lambda given: {
            "model": given.model(),
            "rollout": Rollout(wait_seconds=900, timeout_seconds=1800),
        },
        "rollout waits 1920 seconds in all, allowed is less than 1800: wait shorter or "
        "raise timeout_seconds",
    ),
    "waits beyond any limit": (
        lambda given: {
            "model": given.model(),
            "rollout": Rollout(strategy="linear", step_percent=10, wait_seconds=3600),
        },
        "rollout waits 36120 seconds in all, allowed is less than 25200: wait shorter or "
        "in fewer steps",
    ),
    "no error at all": (
        lambda given: {"model": given.model(), "rollout": Rollout(max_errors=0)},
        "rollout max_errors is 0, allowed is more than 0: raise it",
    ),
    "a latency of nothing": (
        lambda given: {"model": given.model(), "rollout": Rollout(max_latency_ms=0)},
        "rollout max_latency_ms is 0, allowed is more than 0: raise it",
    ),
    "a latency that is a parameter": (
        lambda given: {
            "model": given.model(),
            "rollout": Rollout(max_latency_ms=given.parameter("Latency")),
        },
        "rollout max_latency_ms is a parameter, allowed is a literal: CloudFormation "
        "cannot turn it into the metric's microseconds; keep it in the settings",
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
