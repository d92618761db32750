"""The figures that these tests print, all together at the end of the run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

FIGURES: list[str] = []
Figure = Callable[[str], None]


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
