"""What a person watches while ops works: steps, the lines under them, a closing table."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ops.errors import OpsError

MARKS = {"running": "…", "done": "✔", "failed": "✖"}
STYLES = {"running": "cyan", "done": "green", "failed": "red"}


@dataclass
class Line:
    """One thing a step is made of: a stack, an endpoint, a job."""

    name: str
    text: str
    state: str = "running"


@dataclass
class Step:
    """One stage of the work; `what` becomes its cell in the closing table."""

    title: str
    console: Console
    live: bool
    what: str = ""
    seconds: float = 0.0
    state: str = "running"
    started: float = field(default_factory=time.monotonic)
    lines: dict[str, Line] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def line(self, name: str, text: str, state: str = "running") -> None:
        """The line of `name` shows `text`; without a terminal only changes of state are printed."""
        with self._guard:
            known = self.lines.get(name)
            if known is not None and known.state != "running" and state == "running":
                return  # CloudFormation's events of one moment come in no order: an end stays one
            self.lines[name] = Line(name, text, state)
        # Printed without the guard: a live screen draws this step, which takes it, while it prints.
        if not self.live and (known is None or known.state != state):
            self._print(f"    {MARKS[state]} {name}  {text}")

    def note(self, text: str) -> None:
        """`text` stays on the screen, under the step."""
        self._print(f"    {text}")

    def _print(self, text: str) -> None:
        self.console.print(escape(text), style="dim", highlight=False, soft_wrap=True)

    def __rich__(self) -> RenderableType:
        elapsed = time.monotonic() - self.started
        rows: list[RenderableType] = [
            Spinner("dots", text=Text(f"{self.title}  {elapsed:.0f} s", style="bold"))
        ]
        with self._guard:
            for line in self.lines.values():
                text = Text(f"  {MARKS[line.state]} ", style=STYLES[line.state])
                text.append(f"{line.name:<34} ", style="default")
                text.append(line.text, style="dim")
                text.no_wrap, text.overflow = True, "ellipsis"
                rows.append(text)
        return Group(*rows)


class Screen:
    """The person's terminal, or plain lines where there is none (a pipe, CI)."""

    def __init__(self, console: Console | None = None) -> None:
        # A pipe or a log file has room for a bucket's URI.
        plain = None if sys.stdout.isatty() else 160
        self.console = console or Console(width=plain)
        self.live = self.console.is_terminal and not os.environ.get("CI")
        self.steps: list[Step] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """A step that is shown while its block runs, then as one line with its seconds."""
        step = Step(title=title, console=self.console, live=self.live)
        self.steps.append(step)
        if not self.live:
            self.console.print(escape(f"- {title}"), highlight=False)
        try:
            with self._live(step):
                yield step
        except BaseException:
            step.state = "failed"
            raise
        else:
            step.state = "done"
        finally:
            step.seconds = time.monotonic() - step.started
            mark = f"[{STYLES[step.state]}]{MARKS[step.state]}[/]"
            self.console.print(
                f"{mark} [bold]{escape(title)}[/]  {escape(step.what)}"
                f"  [dim]{step.seconds:.1f} s[/]",
                highlight=False,
                soft_wrap=not self.live,
            )

    @contextmanager
    def _live(self, step: Step) -> Iterator[None]:
        if not self.live:
            yield
            return
        with Live(step, console=self.console, refresh_per_second=8, transient=True):
            yield

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """`text` is on the screen, as it is."""
        self.console.print(escape(text), style=style, highlight=False, soft_wrap=True)

    def table(self) -> None:
        """The closing table: stage, what happened, seconds."""
        table = Table(title="What happened", title_justify="left", header_style="bold")
        table.add_column("stage", no_wrap=True)
        table.add_column("what happened", overflow="fold")
        table.add_column("seconds", justify="right", no_wrap=True)
        for step in self.steps:
            table.add_row(escape(step.title), escape(step.what), f"{step.seconds:.1f}")
        total = sum(step.seconds for step in self.steps)
        table.add_section()
        table.add_row("total", "", f"{total:.1f}")
        self.console.print(table)


def errors() -> Console:
    """The person's stderr, where everything goes that is not the answer."""
    return Console(file=sys.stderr, soft_wrap=True, highlight=False)


def fail(fault: OpsError) -> None:
    """The failure is on stderr: what is wrong, the last lines of the log, what to do."""
    console = errors()
    console.print(f"[bold red]error[/] {escape(fault.message)}")
    if fault.log:
        console.print(escape(f"last lines of {fault.log_name or 'its log'}:"))
        for line in fault.log:
            console.print(escape(f"  | {line}"), style="dim")
    if fault.fix:
        console.print(f"[bold]what to do[/] {escape(fault.fix)}")
