"""IAM statements and waiting, for tests against a local AWS."""

import time
from collections.abc import Callable
from typing import Any

import pytest


def allow(actions: str | list[str], resource: str | list[str] = "*", **rest: Any) -> dict[str, Any]:
    """A statement that allows the actions on the resource."""
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **rest}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """A policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def wait_for(look: Callable[[], Any], until: Callable[[Any], bool], *, seconds: float = 30) -> Any:
    """What `look` saw once `until` liked it; the test fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not until(seen := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"still {seen} after {seconds} s")
        time.sleep(0.1)
    return seen
