"""What these tests share: a model, a server on it, and the figures they print at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.inference_server import Running, make_model, running

FIGURES: list[str] = []
Figure = Callable[[str], None]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a category, numbers and a boolean."""
    return make_model(tmp_path_factory.mktemp("abused"))


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Running]:
    """One server, limited to bodies of 1 MB."""
    with running(model, SAGEMAKER_MAX_PAYLOAD_IN_MB="1") as one:
        yield one


@pytest.fixture
def figure() -> Figure:
    """Says a figure at the end of the run."""
    return FIGURES.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures, below the tests' own report."""
    if FIGURES:
        terminalreporter.section("figures")
        for line in FIGURES:
            terminalreporter.write_line(line)
