"""Clients of AWS for several threads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from ops import aws


@pytest.fixture(autouse=True)
def _none_kept() -> Iterator[None]:
    aws.client.cache_clear()
    yield
    aws.client.cache_clear()


def test_threads_that_want_clients_at_once_make_them_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """boto3's guide, "Multithreading": a session is not safe, and `boto3.client` shares one."""
    now, most = 0, 0

    def make(service: str, **_: Any) -> str:
        nonlocal now, most
        now += 1
        most = max(most, now)
        time.sleep(0.05)
        now -= 1
        return service

    monkeypatch.setattr(boto3, "client", make)
    names = ["logs", "s3", "sqs", "logs"]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(aws.client, names)) == names
    assert most == 1
