"""`ops invoke`: an endpoint asked with a file."""

from __future__ import annotations

import sys
import time
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
    component: Annotated[
        str, typer.Option("--component", help="Which inference component, by short or full name")
    ] = "",
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer as it comes")] = False,
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
    if sdk and stream:
        raise OpsError("the SageMaker SDK cannot read a stream", fix="leave out SDK, or STREAM")
    found = endpoints.resolve(settings.current(), endpoint, component)
    if stream:
        _print_as_it_comes(found, body, kind, accept)
        return
    if sdk:
        answer = endpoints.ask_with_sdk(found, body, content_type=kind, accept=accept)
    else:
        answer = endpoints.ask(found, body, content_type=kind, accept=accept)
    typer.echo(answer.body.rstrip("\n"))
    # The answer alone goes to stdout, so it can be piped.
    note = f"{found.asked} ({found.kind}) answered in {answer.milliseconds:.1f} ms"
    note += f", output at {answer.where}" if answer.where else ""
    errors().print(note, style="dim")


def _print_as_it_comes(endpoint: endpoints.Endpoint, body: bytes, kind: str, accept: str) -> None:
    begun, first = time.perf_counter(), 0.0
    parts = endpoints.stream(endpoint, body, content_type=kind, accept=accept)
    for text in endpoints.readable(parts):
        if text:
            first = first or time.perf_counter() - begun
            typer.echo(text, nl=False)
            sys.stdout.flush()
    typer.echo()
    spent = (time.perf_counter() - begun) * 1000
    note = f"{endpoint.asked} ({endpoint.kind}) began after {first * 1000:.1f} ms"
    errors().print(f"{note}, ended after {spent:.1f} ms", style="dim")
