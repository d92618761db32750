"""`ops upload`: raw data into the workflow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops import aws, settings
from ops import upload as uploading
from ops.ui import Screen


def register(app: typer.Typer) -> None:
    """The command is part of the command line."""
    app.command("upload")(upload)


def upload(
    file: Annotated[Path, typer.Argument(help="A CSV file with a header line")],
    dataset: Annotated[str | None, typer.Option(help="Dataset [default: the config's]")] = None,
) -> None:
    """Upload a raw file and follow Ingest to its result."""
    uploading.check(file)
    aws.use_local_if_meant()
    screen = Screen()
    name = dataset or settings.dataset_name(settings.environment_name())
    with screen.step(f"upload {file.name}") as step:
        done = uploading.upload(settings.current(), name, file, say=step.note)
        step.what = str(done)
    screen.say(f"manifest: {done.manifest['uri']}")
    if done.status == "published":
        screen.say("PreprocessAndTrain starts by itself; then: make approve")
