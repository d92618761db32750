"""`ops deploy` and `ops diff`: the config of an environment, against what is deployed."""

from __future__ import annotations

from typing import Annotated

import typer

from ops import aws, cdk, cloudformation, settings
from ops.errors import OpsError
from ops.local.infrastructure import explain
from ops.ui import Screen


def register(app: typer.Typer) -> None:
    """The commands are part of the command line."""
    app.command("deploy")(deploy)
    app.command("diff")(diff)


def deploy(
    stacks: Annotated[list[str] | None, typer.Argument(help="Stacks [default: all]")] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--parameters", help="Stack:Key=value, until the next deploy"),
    ] = None,
) -> None:
    """Deploy with every parameter at its config value; the model package stays as promoted."""
    aws.use_local_if_meant()
    screen = Screen()
    env = settings.environment_name()
    overrides = _checked(parameters or [])
    with screen.step("cdk synth") as step:
        assembly = cdk.synth(env)
        known = [name for name, _ in cdk.templates(assembly)]
        step.what = f"{len(known)} stacks"
    with screen.step("cdk deploy") as step:
        seen = {
            name: {e.id for e in cloudformation.events(name)}
            for name in known
            if cloudformation.status(name) != cloudformation.MISSING
        }

        def show(event: cdk.ResourceEvent) -> None:
            ended = event.type == "AWS::CloudFormation::Stack" and event.status.endswith(
                "_COMPLETE"
            )
            bad = "FAILED" in event.status or "ROLLBACK" in event.status
            state = "failed" if bad else "done" if ended else "running"
            text = f"{event.progress:>6}  {event.status.lower().replace('_', ' ')}  {event.path}"
            step.line(event.stack, text, state)

        try:
            lines = cdk.deploy(assembly, on_event=show, stacks=stacks or (), overrides=overrides)
        except OpsError as fault:
            raise explain(fault, known, seen) from fault
        unchanged = sum("(no changes)" in line for line in lines)
        step.what = f"{len(stacks or known)} stacks" + (
            f", {unchanged} unchanged" if unchanged else ""
        )
    for override in overrides:
        screen.say(
            f"{override} holds until the next deploy; write it into config/{env}.toml to keep it"
        )


def _checked(overrides: list[str]) -> list[str]:
    for override in overrides:
        key = override.split("=", 1)[0]
        if "=" not in override or ":" not in key:
            raise OpsError(f"--parameters {override}: expected Stack:Key=value")
        if key.endswith(f":{cdk.PROMOTED}"):
            raise OpsError(
                f"--parameters {override}: a deploy does not choose the model",
                fix="approve a version instead: make approve VERSION=<n>",
            )
    return overrides


def diff(
    stacks: Annotated[list[str] | None, typer.Argument(help="Stacks [default: all]")] = None,
    fail: Annotated[bool, typer.Option(help="Exit 1 if there are differences")] = False,
) -> None:
    """Compare the config with what is deployed."""
    aws.use_local_if_meant()
    assembly = cdk.synth(settings.environment_name())
    # Against the deployed template: a change set would be a write, and a diff makes none.
    arguments = ["diff", "--app", str(assembly), "--method", "template", *(stacks or [])]
    accept = (0, 1) if fail else (0,)
    arguments += ["--fail"] if fail else []
    code, _ = cdk.run(arguments, what="cdk diff", on_line=Screen().say, accept=accept)
    raise typer.Exit(code)
