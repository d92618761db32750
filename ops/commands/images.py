"""`ops images`, `ops provenance`: images where the workflow looks for them, and which one runs."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ops import aws, endpoints, provenance, registry, settings
from ops.errors import OpsError
from ops.ui import Screen

group = typer.Typer(help="Container images.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """The group and the command are part of the command line."""
    app.add_typer(group, name="images")
    app.command("provenance")(prove)


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


def prove(
    endpoint: Annotated[str, typer.Argument(help="Short name (realtime) or full endpoint name")],
    component: Annotated[
        str, typer.Option("--component", help="Which inference component, by short or full name")
    ] = "",
) -> None:
    """Say which bytes an endpoint runs and where its model is from; 1 where that does not agree."""
    aws.use_local_if_meant()
    screen = Screen()
    found = endpoints.resolve(settings.current(), endpoint, component)
    faults = []
    for origin in provenance.origins(found):
        screen.say(f"{found.name} {origin.where}", style="bold")
        for name, value in (("runs", origin.running), ("model_package", origin.package)):
            screen.say(f"  {name:<15} {value or '-'}")
        for name, value in origin.facts:
            screen.say(f"  {name:<15} {value}")
        faults += [f"{origin.where}: {fault}" for fault in origin.faults]
    if faults:
        raise OpsError(f"{found.name} is not what was registered: " + "; ".join(faults))
