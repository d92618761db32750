"""The function, asked about an archive that is the one object of an S3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from support.object_in_s3 import OneObject

from inspect_model import handler

URI = "s3://artifacts/training/orders/job/output/model.tar.gz"
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask about an archive's bytes, or about an object that a test has prepared."""

    def asked(
        archive: bytes | OneObject,
        *,
        trusted: Sequence[str] = (),
        uri: str = URI,
        seconds: Callable[[], float] = lambda: 900.0,
    ) -> dict[str, Any]:
        one = archive if isinstance(archive, OneObject) else OneObject(archive)
        monkeypatch.setattr(handler.boto3, "client", lambda name, config: one)
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: seconds() * 1000)
        return handler.handler({"uri": uri, "trusted_pickles": list(trusted)}, context)

    return asked
