"""Services answered by small fakes: each test says what its AWS holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops import aws
from ops.settings import Deployment


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The fakes by service name; a service nobody gave is a test's mistake."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(aws, "client", lambda name: given[name])
    return given


@pytest.fixture
def deployment() -> Deployment:
    return Deployment(project="shop", env="dev")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the person's own AWS settings, nor writes where `make local` does."""
    workflow = ("WORKFLOW_PROJECT", "WORKFLOW_ENV", "WORKFLOW_CONFIG")
    for name in (*workflow, "AWS_ENDPOINT_URL", "AWS_PROFILE", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORKFLOW_LOCAL_HOME", str(tmp_path / "home"))
