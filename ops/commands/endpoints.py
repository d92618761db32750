"""`ops invoke`: an endpoint asked with a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops import aws, endpoints, settings
from ops.errors import OpsError
from ops.ui import errors


def register(app: typer.Typer) -> None:
    """The command is part of the command line."""
    app.command("invoke")(invoke)


def invoke(
    endpoint: Annotated[str, typer.Argument(help="Short name (realtime) or full endpoint name")],
    data: Annotated[Path, typer.Option("--data", help="Request body: .csv, .json or .jsonl")],
    content_type: Annotated[
        str | None, typer.Option(help="[default: by the file's ending]")
    ] = None,
    accept: Annotated[str, typer.Option(help="Form of the answer")] = "application/json",
    sdk: Annotated[bool, typer.Option("--sdk", help="Use the SageMaker Python SDK v3")] = False,
) -> None:
    """Ask an endpoint of any kind and print its answer."""
    if not data.is_file():
        raise OpsError(f"there is no file {data}")
    body = data.read_bytes()
    if not body:
        raise OpsError(f"{data} is empty: nothing to ask")
    kind = content_type or endpoints.content_type_of(data)
    aws.use_local_if_meant()
    found = endpoints.resolve(settings.current(), endpoint)
    if sdk:
        answer = endpoints.ask_with_sdk(found, body, content_type=kind, accept=accept)
    else:
        answer = endpoints.ask(found, body, content_type=kind, accept=accept)
    typer.echo(answer.body.rstrip("\n"))
    # The answer alone goes to stdout, so it can be piped.
    note = f"{found.name} ({found.kind}) answered in {answer.milliseconds:.1f} ms"
    note += f", output at {answer.where}" if answer.where else ""
    errors().print(note, style="dim")
