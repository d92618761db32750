"""`ops replay`: uploads out of the dead-letter queues, once more through Ingest."""

from __future__ import annotations

import typer

from ops import aws, settings
from ops import replay as replaying
from ops.ui import Screen


def register(app: typer.Typer) -> None:
    """The command is part of the command line."""
    app.command("replay")(replay)


def replay() -> None:
    """Give Ingest again what its dead-letter queues hold."""
    aws.use_local_if_meant()
    screen = Screen()
    with screen.step("replay the dead letters") as step:
        done = replaying.replay(settings.current(), say=step.note)
        step.what = f"{len(done.started)} replayed, {done.kept} kept that name no upload"
    for name in done.started:
        screen.say(f"Ingest is running for {name}")
