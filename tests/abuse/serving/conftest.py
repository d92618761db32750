"""What these tests share: a model, and a server on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.inference_server import Running, make_model, running


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a category, numbers and a boolean."""
    return make_model(tmp_path_factory.mktemp("abused"))


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Running]:
    """One server, limited to bodies of 1 MB."""
    with running(model, SAGEMAKER_MAX_PAYLOAD_IN_MB="1") as one:
        yield one
