"""What can be done with a challenger, each an update of the endpoint's own stack: no drift."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ops import approve, cloudformation
from ops.challenge.contest import (
    CHALLENGER,
    CHAMPION,
    VARIANTS_CHANGE,
    WEIGHT,
    WEIGHTS_ANEW,
    Contest,
    version_of,
)
from ops.cloudformation import Event
from ops.errors import OpsError

Told = Callable[[Event], None]


def _nobody(_event: Event) -> None:
    """Nobody follows the stack."""


def start(
    contest: Contest, version: str, weight: int | None = None, on_event: Told = _nobody
) -> bool:
    """The version challenges, at the weight if one is given; False when it did so already.

    Where it replaces another challenger, SageMaker's guardrails watch; where it joins, they cannot.
    """
    arn = _challenger(contest, version)
    values = {CHALLENGER: arn}
    if weight is not None:
        values[WEIGHT] = _weight(contest, weight)
    joins = not contest.challenger
    once = _variants_change(contest) if joins else _weights_anew(contest, values)
    return _update(contest, values, once, on_event)


def weigh(contest: Contest, weight: int, on_event: Told = _nobody) -> bool:
    """The challenger has the weight; False when it had it already."""
    if not contest.challenger:
        raise OpsError(
            f"nothing challenges {contest.name}: there is no weight to change",
            fix=f"make challenge ENDPOINT={contest.name} VERSION=<n> WEIGHT={weight}",
        )
    values = {WEIGHT: _weight(contest, weight)}
    return _update(contest, values, _weights_anew(contest, values), on_event)


def end(contest: Contest, on_event: Told = _nobody) -> bool:
    """Nothing challenges the endpoint; False when nothing did."""
    if not contest.challenger:
        return False
    return _update(contest, {CHALLENGER: ""}, _variants_change(contest), on_event)


def promote(contest: Contest, on_event: Told = _nobody) -> str:
    """The challenger's version is the endpoint's, and the challenger has left; returns it.

    Two updates. In the first both variants stay, so it is watched and sent back as any new version
    is. Whoever was interrupted between them asks again and gets the second.
    """
    arn = contest.challenger
    if not arn:
        raise OpsError(
            f"nothing challenges {contest.name}: there is nothing to promote",
            fix=f"make challenge ENDPOINT={contest.name} VERSION=<n>, or make approve",
        )
    _update(contest, {CHAMPION: arn}, {}, on_event)
    end(replace(contest, values={**contest.values, CHAMPION: arn}), on_event)
    return arn


def _update(contest: Contest, values: dict[str, str], once: dict[str, str], on_event: Told) -> bool:
    if values.items() <= contest.values.items():
        return False
    return cloudformation.set_parameters(contest.stack, {**values, **once}, on_event=on_event)


def _variants_change(contest: Contest) -> dict[str, str]:
    """SageMaker refuses guardrails for an update in which a variant comes or goes."""
    return {} if contest.shadow else {VARIANTS_CHANGE: "true"}


def _weights_anew(contest: Contest, values: dict[str, str]) -> dict[str, str]:
    """An update keeps the weights there are unless it is told to apply its own."""
    moved = values.get(WEIGHT, contest.weight) != contest.weight
    return {WEIGHTS_ANEW: "true"} if moved and WEIGHTS_ANEW in contest.values else {}


def _challenger(contest: Contest, version: str) -> str:
    package = approve.choose(contest.group, version)
    arn = str(package["ModelPackageArn"])
    if arn.split("/")[-2] != contest.group:
        raise OpsError(
            f"{arn} is not of {contest.group}, the group {contest.name} follows",
            fix="give a version of it by its number",
        )
    number = version_of(arn)
    if arn == contest.champion:
        raise OpsError(
            f"version {number} is what {contest.name} serves: it cannot challenge itself",
            fix="choose another version",
        )
    status = package.get("ModelApprovalStatus")
    if status != "Approved":
        raise OpsError(
            f"version {number} of {contest.group} is {status}, and only an approved one is served",
            fix=f"make approve VERSION={number} ONLY=1 approves it and leaves what is served",
        )
    return arn


def _weight(contest: Contest, weight: int) -> str:
    if str(weight) not in contest.weights:
        raise OpsError(
            f"weight {weight} is not one {contest.name} can have",
            fix=f"choose one of {', '.join(contest.weights)} percent; another becomes possible as"
            f" weight of [endpoints.{contest.name}.challenger]",
        )
    return str(weight)
