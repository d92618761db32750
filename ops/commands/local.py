"""`ops local`: the AWS on this machine, up, down and looked at."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from ops import aws, cloudformation, settings, upload
from ops.errors import OpsError
from ops.local import server
from ops.local.context import Run
from ops.local.lock import held
from ops.local.paths import paths
from ops.local.up import next_commands, up
from ops.ui import Screen

group = typer.Typer(help="The AWS on this machine.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """The group is part of the command line."""
    app.add_typer(group, name="local")


@group.command("up")
def up_(
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on [default: 4747]", envvar="PORT", min=1, max=65535),
    ] = None,
    enforce: Annotated[bool, typer.Option(help="Enforce IAM for every call")] = False,
    rows: Annotated[
        int | None, typer.Option(help="Use only this many rows of the sample", min=1)
    ] = None,
    time_factor: Annotated[
        float, typer.Option(help="Shorten waits such as cooldowns and bake times this many times")
    ] = server.TIME_FACTOR,
    data: Annotated[Path | None, typer.Option(help="A CSV of your own, not the sample")] = None,
    engine: Annotated[
        str | None, typer.Option(help="Run images for real: podman or docker")
    ] = None,
) -> None:
    """Start it, deploy the workflow to it, and run real data through to predictions."""
    if data is not None:
        upload.check(data)
    screen = Screen()
    where = paths()
    with held(where.lock, "make local"):
        run = Run(
            deployment=settings.current(),
            screen=screen,
            where=where,
            rows=rows,
            enforce=enforce,
            port=port,
            time_factor=time_factor,
            sample=data,
            engine=engine,
        )
        up(run)
    screen.say()
    screen.table()
    screen.say("\nTry next:")
    commands = next_commands(run)
    wide = max(len(command) for command, _ in commands)
    for command, what in commands:
        screen.say(f"  {command:<{wide}}  # {what}")


@group.command("down")
def down() -> None:
    """Stop it and forget everything in it."""
    where = paths()
    with held(where.lock, "make local-down"):
        stopped = server.stop(where)
        shutil.rmtree(where.state, ignore_errors=True)
        shutil.rmtree(where.assembly, ignore_errors=True)
    Screen().say("the local AWS is stopped" if stopped else "no local AWS was running")


@group.command("status")
def status() -> None:
    """Say whether it runs, and what is deployed in it."""
    screen = Screen()
    found = server.running()
    if found is None:
        screen.say("no local AWS is running (make local starts it)")
        raise typer.Exit(1)
    aws.enter(found)
    deployment = settings.current()
    screen.say(f"{found.url}  account {found.account}  {found.region}  process {found.pid}")
    if found.engine:
        screen.say(f"containers run under {found.engine}")
    screen.say("IAM enforced" if found.enforce else "IAM not enforced (ENFORCE=1 turns it on)")
    for stack in sorted(
        cloudformation.stacks(f"{deployment.prefix}-"), key=lambda s: str(s["StackName"])
    ):
        screen.say(f"  {stack['StackName']:<34} {stack['StackStatus']}")
    for endpoint in aws.client("sagemaker").list_endpoints()["Endpoints"]:
        screen.say(f"  endpoint {endpoint['EndpointName']:<25} {endpoint['EndpointStatus']}")


@group.command("env")
def env() -> None:
    """Print the exports with which any AWS client talks to it."""
    found = server.running()
    if found is None:
        raise OpsError("no local AWS is running", fix="make local")
    for key, value in found.environment().items():
        typer.echo(f"export {key}={value}")


@group.command("logs")
def logs_(
    what: Annotated[
        str | None, typer.Argument(help="Log group, part of its name, or 'server'")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come")] = False,
    lines: Annotated[int, typer.Option(help="How many lines of each group")] = 25,
) -> None:
    """Show the last lines of the workflow's logs, or of the server."""
    screen = Screen()
    if what == "server":
        _server_log(screen, follow=follow, lines=lines)
        return
    aws.use_local_if_meant()
    from ops import logs

    named = (
        [what] if what and what.startswith("/") else [g for g in logs.groups() if (what or "") in g]
    )
    if not named:
        known = ", ".join(logs.groups()) or "none yet"
        raise OpsError(f"no log group is called like {what!r}", fix=f"there are: {known}, server")
    for name in named:
        found = logs.tail(name, lines=lines)
        if found:
            screen.say(name, style="bold")
        for line in found:
            screen.say(f"  {line}")
    followers = [logs.Follower(name) for name in named] if follow else []
    while followers:
        for follower in followers:
            for line in follower.new_lines():
                screen.say(f"{follower.group.rsplit('/', 1)[-1]}  {line}")
        time.sleep(1)  # a person reads slower than that


def _server_log(screen: Screen, *, follow: bool, lines: int) -> None:
    log = paths().log
    if not log.is_file():
        raise OpsError(
            "there is no server log: the local AWS has not been started", fix="make local"
        )
    for line in server.tail(log, lines):
        screen.say(line)
    if not follow:
        return
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(0, 2)
        while True:
            if line := file.readline():
                screen.say(line.rstrip())
            else:
                time.sleep(0.5)
