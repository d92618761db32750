"""`ops challenge` and `ops promote`: a second model beside the first, and what becomes of it."""

from __future__ import annotations

from typing import Annotated

import typer

from ops import aws, challenge, cloudformation, follow, settings
from ops.challenge.contest import version_of
from ops.errors import OpsError
from ops.ui import Screen

NONE = "none"
Name = Annotated[str, typer.Argument(help="Short name (realtime) or full endpoint name")]


def register(app: typer.Typer) -> None:
    """The commands are part of the command line."""
    app.command("challenge")(compare)
    app.command("promote")(promote)


def compare(
    endpoint: Name,
    version: Annotated[
        str | None, typer.Option(help=f"Approved version that challenges; {NONE} ends it")
    ] = None,
    weight: Annotated[int | None, typer.Option(help="Percent of the requests it gets")] = None,
    minutes: Annotated[int, typer.Option(help="How far the table looks back", min=1)] = 60,
) -> None:
    """Set a challenger beside what an endpoint serves, or change its weight, and compare both."""
    aws.use_local_if_meant()
    screen = Screen()
    contest = challenge.find(settings.current(), endpoint)
    if version == NONE and weight is not None:
        raise OpsError(f"VERSION={NONE} ends the challenge: a weight means nothing with it")
    if version is not None or weight is not None:
        _change(screen, contest, version, weight)
        contest = challenge.find(settings.current(), endpoint)
    if not contest.challenger:
        screen.say(f"nothing challenges {contest.name}: {contest.endpoint} serves version "
                   f"{version_of(contest.champion)}")  # fmt: skip
    screen.console.print(challenge.table(contest, challenge.sides(contest, minutes), minutes))


def promote(endpoint: Name) -> None:
    """Serve the challenger's version to everybody; the challenger leaves."""
    aws.use_local_if_meant()
    contest = challenge.find(settings.current(), endpoint)
    with Screen().step(f"promote the challenger of {contest.name}") as step:
        arn = challenge.promote(contest, lambda event: follow.show(step, contest.stack, event))
        step.what = f"{contest.endpoint} serves version {version_of(arn)}, nothing challenges it"


def _change(
    screen: Screen, contest: challenge.Contest, version: str | None, weight: int | None
) -> None:
    with screen.step(f"challenge {contest.name}") as step:

        def told(event: cloudformation.Event) -> None:
            follow.show(step, contest.stack, event)

        if version == NONE:
            changed = challenge.end(contest, told)
        elif version is not None:
            changed = challenge.start(contest, version, weight, told)
        elif weight is not None:
            changed = challenge.weigh(contest, weight, told)
        step.what = f"{contest.stack}: {'changed' if changed else 'was so already'}"
