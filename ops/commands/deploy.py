"""`ops deploy` and `ops diff`: the config of an environment, against what is deployed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from ops import aws, cdk, cloudformation, outages, settings
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
    replace: Annotated[
        list[str] | None,
        typer.Option("--replace", help="An endpoint that may go, though callers may use it"),
    ] = None,
) -> None:
    """Deploy with every parameter at its config value; the model package stays as promoted."""
    aws.use_local_if_meant()
    screen = Screen()
    env = settings.environment_name()
    overrides = _checked(parameters or [])
    with screen.step("cdk synth") as step:
        assembly = cdk.synth(env)
        templates = dict(cdk.templates(assembly))
        known = list(templates)
        step.what = f"{len(known)} stacks"
    _refuse_unknown(overrides, templates, stacks or known)
    chosen = {name: templates[name] for name in stacks or known if name in templates}
    outages.refuse(chosen, meant=replace or [], overrides=overrides)
    with screen.step("cdk deploy") as step:
        seen = {
            name: {e.id for e in cloudformation.events(name)}
            for name in known
            if cloudformation.status(name) != cloudformation.MISSING
        }

        touched: set[str] = set()

        def show(event: cdk.ResourceEvent) -> None:
            touched.add(event.stack)
            step.line(event.stack, str(event), event.state)

        try:
            cdk.deploy(assembly, on_event=show, stacks=stacks or (), overrides=overrides)
        except OpsError as fault:
            raise explain(fault, known, seen) from fault
        wanted = stacks or known
        left = sum(name not in touched for name in wanted)
        step.what = f"changed: {', '.join(sorted(touched)) or 'nothing'}"
        step.what += f"; {left} of {len(wanted)} had nothing to change" if left else ""
    for override in overrides:
        screen.say(lasts(override, env))


def lasts(override: str, env: str) -> str:
    """How long an override holds, in a sentence."""
    key = override.split("=", 1)[0].rpartition(":")[2]
    if cdk.kept(key):
        return f"{override} holds until another is passed, or none: {key}="
    if key in cdk.FOR_ONCE:
        return f"{override} holds until the next deploy"
    return f"{override} holds until the next deploy; write it into config/{env}.toml to keep it"


def _checked(overrides: list[str]) -> list[str]:
    for override in overrides:
        key = override.split("=", 1)[0]
        if "=" not in override or ":" not in key:
            raise OpsError(f"--parameters {override}: expected Stack:Key=value")
        if cdk.promoted(key.rpartition(":")[2]):
            raise OpsError(
                f"--parameters {override}: a deploy does not choose the model",
                fix="approve a version instead: make approve VERSION=<n>",
            )
    return overrides


def _refuse_unknown(
    overrides: list[str], templates: Mapping[str, dict[str, Any]], chosen: Sequence[str]
) -> None:
    """Every override is for a parameter of a stack that is deployed; the CLI ignores others."""
    for override in overrides:
        stack, _, key = override.split("=", 1)[0].partition(":")
        if stack not in templates:
            raise OpsError(
                f"--parameters {override}: there is no stack called {stack}",
                fix=f"the stacks are: {', '.join(sorted(templates))}",
            )
        if stack not in chosen:
            raise OpsError(
                f"--parameters {override}: {stack} is not among the stacks to deploy",
                fix=f"name it too: {' '.join([*chosen, stack])}",
            )
        settable = settable_parameters(templates[stack])
        if key not in settable:
            raise OpsError(
                f"--parameters {override}: {stack} has no parameter called {key}",
                fix=f"it has: {', '.join(sorted(settable)) or 'none'}",
            )


def settable_parameters(template: Mapping[str, Any]) -> dict[str, str]:
    """The parameters a deploy may set, each with its config value."""
    return {
        key: str(declared.get("Default", ""))
        for key, declared in template.get("Parameters", {}).items()
        if key != "BootstrapVersion"
        and not cdk.promoted(key)
        and not str(declared["Type"]).startswith("AWS::SSM::")
    }


def overridden(templates: Mapping[str, dict[str, Any]]) -> list[str]:
    """What is deployed with another value than the config's, a sentence for each."""
    found = []
    stacks = {str(stack["StackName"]): stack for stack in cloudformation.stacks()}
    for stack, template in sorted(templates.items()):
        deployed = cloudformation.parameters(stacks.get(stack, {}))
        for key, value in sorted(settable_parameters(template).items()):
            now = deployed.get(key, value)
            if now != value and not cdk.kept(key):
                found.append(f"{stack}:{key} is {now!r}; the next deploy makes it {value!r}")
    return found


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
    screen = Screen()
    code, _ = cdk.run(arguments, what="cdk diff", on_line=screen.say, accept=accept)
    # A template says nothing of values: those a person set on a deploy are told apart.
    templates = {n: t for n, t in cdk.templates(assembly) if not stacks or n in stacks}
    changed = overridden(templates)
    for sentence in changed:
        screen.say(sentence)
    raise typer.Exit(1 if fail and changed else code)
