"""Endpoints switched off and on through the parameter `Active` of their stacks: no drift."""

from __future__ import annotations

from collections.abc import Callable

from ops import aws, cloudformation
from ops.cloudformation import Event
from ops.errors import OpsError
from ops.settings import Deployment

PARAMETER = "Active"


def stack_of(deployment: Deployment, name: str) -> str:
    """The stack of the endpoint called `name`, by the workflow's short name or its full name."""
    known = aws.published_under(deployment, "endpoints")
    short = {full: short for short, full in known.items()}.get(name, name)
    if short not in known:
        raise OpsError(
            f"there is no endpoint called {name!r}",
            fix="the workflow's own are: " + (", ".join(known) or "none"),
        )
    return f"{deployment.prefix}-endpoint-{short}"


def is_active(deployment: Deployment, name: str) -> bool:
    """Whether the endpoint is meant to be there now: by its config, its hours, or a person."""
    stack = stack_of(deployment, name)
    [found] = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return cloudformation.parameters(found).get(PARAMETER) != "false"


def set_active(
    stack: str, active: bool, on_event: Callable[[Event], None] = lambda event: None
) -> bool:
    """The endpoint is there, or is not; False when it was so already.

    A stack that is being changed is not waited for: whoever changes it may mean the opposite.
    """
    now = cloudformation.status(stack)
    if now == cloudformation.MISSING:
        raise OpsError(f"there is no stack called {stack}", fix="make deploy")
    if now.endswith("_IN_PROGRESS"):
        raise OpsError(
            f"{stack} is {now}: somebody deploys, approves or switches it right now",
            fix=f"wait until it is done, and ask again: make {'start' if active else 'stop'}",
        )
    if now.endswith("_FAILED") or now == "ROLLBACK_COMPLETE":
        raise OpsError(
            f"{stack} is {now}, from which no update can start", fix="make deploy repairs it"
        )
    return cloudformation.set_parameter(stack, PARAMETER, str(active).lower(), on_event=on_event)
