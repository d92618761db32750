"""`ops stop` and `ops start`: an endpoint removed and made again, by its own stack."""

from __future__ import annotations

from typing import Annotated

import typer

from ops import activity, aws, follow, settings
from ops.ui import Screen

Name = Annotated[str, typer.Argument(help="Short name (realtime) or full endpoint name")]


def register(app: typer.Typer) -> None:
    """The commands are part of the command line."""
    app.command("stop")(stop)
    app.command("start")(start)


def stop(endpoint: Name) -> None:
    """Remove an endpoint and keep everything around it; nothing is paid for by the hour."""
    _set(endpoint, active=False)


def start(endpoint: Name) -> None:
    """Make a stopped endpoint again, with the model that is approved."""
    _set(endpoint, active=True)


def _set(endpoint: str, *, active: bool) -> None:
    aws.use_local_if_meant()
    screen = Screen()
    stack = activity.stack_of(settings.current(), endpoint)
    with screen.step(f"{'start' if active else 'stop'} {endpoint}") as step:
        changed = activity.set_active(stack, active, lambda event: follow.show(step, stack, event))
        state = "started" if active else "stopped"
        step.what = f"{stack}: {state if changed else f'was {state} already'}"
    if changed:
        screen.say(f"it stays {state} until its schedule or the next deploy says otherwise")
