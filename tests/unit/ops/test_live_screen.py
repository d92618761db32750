"""A terminal that is drawn while work goes on."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from ops.ui import Screen


def test_notes_and_lines_can_come_while_the_terminal_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    out = io.StringIO()
    screen = Screen(Console(file=out, force_terminal=True, width=100))
    assert screen.live

    def work() -> None:
        with screen.step("upload") as step:
            for number in range(50):
                step.note(f"note {number}")
                step.line("stack", f"event {number}")

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(20)
    assert not worker.is_alive(), "the screen waits for itself"
    assert "note 49" in out.getvalue()
