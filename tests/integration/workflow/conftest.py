"""Each test here talks to the deployed workflow; no other test of the same process does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _talking(
    workflow: Any, talking: Callable[[Any], contextlib.AbstractContextManager[None]]
) -> Iterator[None]:
    """ops, boto3, the AWS CLI and the CDK CLI mean the deployed workflow while a test runs."""
    with talking(workflow.where):
        yield
