"""`ops approve`: a model version into service."""

from __future__ import annotations

from typing import Annotated

import typer

from ops import approve as approval
from ops import aws, follow, settings
from ops.errors import OpsError
from ops.ui import Screen


def register(app: typer.Typer) -> None:
    """The command is part of the command line."""
    app.command("approve")(approve)


def approve(
    version: Annotated[
        str | None, typer.Argument(help="Version or ARN [default: the newest pending]")
    ] = None,
    group: Annotated[str | None, typer.Option(help="Model package group")] = None,
    only: Annotated[bool, typer.Option("--only", help="Leave what is served as it is")] = False,
) -> None:
    """Approve a model version and update every stack that follows its group."""
    aws.use_local_if_meant()
    screen = Screen()
    chosen_group = group or approval.group_of(settings.current())
    package = approval.choose(chosen_group, version)
    named = f"{package['ModelPackageGroupName']} version {package['ModelPackageVersion']}"
    screen.say(f"{named} ({package['ModelApprovalStatus']})", style="bold")
    for key, value in approval.facts(package).items():
        screen.say(f"  {key:<22} {value}")
    with screen.step("approve") as step:
        approval.approve(package)
        step.what = named
    if only:
        return
    stacks = approval.followers(str(package["ModelPackageGroupName"]))
    if not stacks:
        raise OpsError(
            f"no stack follows {package['ModelPackageGroupName']}: nothing serves it yet"
        )
    with screen.step("update the stacks") as step:
        rolled = approval.promote(
            str(package["ModelPackageArn"]),
            stacks,
            on_event=lambda stack, event: follow.show(step, stack, event),
        )
        changed = [r.stack for r in rolled if r.changed]
        had = [r.stack for r in rolled if not r.changed and r.fault is None]
        step.what = f"{len(changed)} updated" + (f", {len(had)} had it already" if had else "")
        if fault := approval.faults(rolled):
            raise fault
