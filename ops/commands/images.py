"""`ops images`: the containers' images where the workflow looks for them."""

from __future__ import annotations

import os

import typer

from ops import aws, registry, settings
from ops.errors import OpsError
from ops.ui import Screen

group = typer.Typer(help="Container images.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """The group is part of the command line."""
    app.add_typer(group, name="images")


@group.command("push")
def push() -> None:
    """Put an image for each container folder into the local ECR."""
    aws.use_local_if_meant()
    if not os.environ.get("AWS_ENDPOINT_URL"):
        raise OpsError(
            "only the local ECR takes a folder for an image",
            fix="for a real account build and push with docker: docs say how, CI does it",
        )
    screen = Screen()
    for image in registry.push_local(settings.current()):
        screen.say(image.uri)
