"""Stacks as ops sees them: their events live, why they failed, one parameter changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops import aws, logs
from ops.errors import OpsError

POLL_SECONDS = 0.5
PATIENCE_SECONDS = (
    3600.0  # an endpoint of real instances takes 5-15 minutes; guardrails bake on top
)
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
# What CloudFormation says of a resource it gave up because of another one.
FOLLOW_UP = ("Resource creation cancelled", "Resource update cancelled")
MISSING = "STACK_MISSING"
# Asked of one update, and not of the next one that somebody makes for another reason.
AT_REST = {
    "ApplyConfiguredCounts": "false",
    "ApplyConfiguredWeights": "false",
    "ChangeVariants": "false",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One line of a stack's history."""

    id: str
    time: datetime
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    is_stack: bool


def status(stack: str) -> str:
    """The stack's status, STACK_MISSING if there is none."""
    from botocore.exceptions import ClientError

    try:
        found = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as fault:
        if "does not exist" in aws.error_message(fault):
            return MISSING
        raise
    return str(found[0]["StackStatus"])


def stacks(prefix: str = "") -> Iterator[dict[str, Any]]:
    """Every stack whose name starts with `prefix`, as DescribeStacks shows it."""
    for page in aws.client("cloudformation").get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if str(stack["StackName"]).startswith(prefix):
                yield stack


def resources(stack: str, type_: str) -> set[str]:
    """The logical ids of the stack's resources of this type that are there now."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources")
    return {
        str(one["LogicalResourceId"])
        for page in pages.paginate(StackName=stack)
        for one in page["StackResourceSummaries"]
        if one["ResourceType"] == type_ and one["ResourceStatus"] != "DELETE_COMPLETE"
    }


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    """A stack's outputs by name."""
    return {o["OutputKey"]: str(o.get("OutputValue", "")) for o in stack.get("Outputs") or []}


def parameters(stack: dict[str, Any]) -> dict[str, str]:
    """A stack's parameter values by name."""
    return {
        p["ParameterKey"]: str(p.get("ParameterValue", "")) for p in stack.get("Parameters") or []
    }


def events(stack: str) -> list[Event]:
    """The stack's history, oldest first."""
    pages = aws.client("cloudformation").get_paginator("describe_stack_events")
    found = [e for page in pages.paginate(StackName=stack) for e in page["StackEvents"]]
    return [
        Event(
            id=str(e["EventId"]),
            time=e["Timestamp"],
            logical_id=str(e.get("LogicalResourceId", "")),
            physical_id=str(e.get("PhysicalResourceId") or ""),
            type=str(e.get("ResourceType", "")),
            status=str(e.get("ResourceStatus", "")),
            reason=str(e.get("ResourceStatusReason") or ""),
            is_stack=e.get("PhysicalResourceId") == e.get("StackId"),
        )
        for e in reversed(found)
    ]


def settle(
    stack: str,
    *,
    seen: set[str] | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    patience: float = PATIENCE_SECONDS,
) -> str:
    """The stack is no longer in progress; returns its status, tells `on_event` each event."""
    seen = set() if seen is None else seen
    deadline = time.monotonic() + patience
    while True:
        now = status(stack)  # before the events, so the last event is never missed
        if now != MISSING:
            for event in events(stack):
                if event.id not in seen:
                    seen.add(event.id)
                    on_event(event)
        if not now.endswith("_IN_PROGRESS") or now == "REVIEW_IN_PROGRESS":
            return now
        if time.monotonic() > deadline:
            raise OpsError(f"{stack} is still {now} after {patience / 60:.0f} minutes")
        time.sleep(POLL_SECONDS)


def succeeded(final: str) -> bool:
    """Whether a final status means that what was asked for is there."""
    return final in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def failure(stack: str, *, seen: set[str]) -> OpsError:
    """Why the stack's last operation failed: resource, reason, log. `seen` = older events."""
    new = [e for e in events(stack) if e.id not in seen]
    failed = [e for e in new if e.status.endswith("_FAILED") and not e.reason.startswith(FOLLOW_UP)]
    culprit = next((e for e in failed if not e.is_stack), failed[0] if failed else None)
    if culprit is None:
        rolled = [e for e in new if e.is_stack and e.reason]
        return OpsError(
            f"{stack} rolled back: {rolled[-1].reason if rolled else 'no reason given'}"
        )
    group, lines = logs.of_resource(culprit.type, _physical_id(stack, culprit))
    return OpsError(
        f"{stack} rolled back: {culprit.logical_id} ({culprit.type}) failed: {culprit.reason}",
        log=lines,
        log_name=group,
    )


def _physical_id(stack: str, event: Event) -> str:
    """The resource's own name; the event of one that failed may not tell it."""
    from botocore.exceptions import ClientError

    if event.physical_id:
        return event.physical_id
    try:
        found = aws.client("cloudformation").describe_stack_resource(
            StackName=stack, LogicalResourceId=event.logical_id
        )
    except ClientError:
        return ""
    return str(found["StackResourceDetail"].get("PhysicalResourceId") or "")


def set_parameter(
    stack: str, key: str, value: str, *, on_event: Callable[[Event], None] = lambda event: None
) -> bool:
    """The stack runs its previous template with one parameter changed; False if it already did."""
    return set_parameters(stack, {key: value}, on_event=on_event)


def set_parameters(
    stack: str,
    values: Mapping[str, str],
    *,
    on_event: Callable[[Event], None] = lambda event: None,
) -> bool:
    """The stack runs its previous template with these values; False if it already did.

    Every other parameter keeps its value, so a value an operator set on the command line survives;
    what was asked of one update only is not asked of this one.
    Raises OpsError naming the resource and the reason when the stack rolls back.
    """
    from botocore.exceptions import ClientError

    cloudformation = aws.client("cloudformation")
    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    if str(described["StackStatus"]).endswith("_IN_PROGRESS"):
        settle(stack)
        # Whoever changed it may have changed these parameters, or the template's.
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    now = parameters(described)
    if values.items() <= now.items() and succeeded(str(described["StackStatus"])):
        return False
    seen = {e.id for e in events(stack)}
    given = {**{k: v for k, v in AT_REST.items() if k in now}, **values}
    others = [k for k in now if k not in given]
    try:
        cloudformation.update_stack(
            StackName=stack,
            UsePreviousTemplate=True,
            Parameters=[
                *({"ParameterKey": k, "ParameterValue": v} for k, v in given.items()),
                *({"ParameterKey": k, "UsePreviousValue": True} for k in others),
            ],
            Capabilities=CAPABILITIES,
        )
    except ClientError as fault:
        if "No updates are to be performed" in aws.error_message(fault):
            return False
        asked = ", ".join(f"{key}={value}" for key, value in values.items())
        raise OpsError(f"{stack} refuses {asked}: {aws.error_message(fault)}") from fault
    if not succeeded(settle(stack, seen=set(seen), on_event=on_event)):
        raise failure(stack, seen=seen)
    return True


def recover(prefix: str, say: Callable[[str], None]) -> None:
    """No stack of ours is in a state from which no update can start."""
    cloudformation = aws.client("cloudformation")
    for stack in list(stacks(prefix)):
        name, now = str(stack["StackName"]), str(stack["StackStatus"])
        if now.endswith("_IN_PROGRESS") and now != "REVIEW_IN_PROGRESS":
            say(f"{name} is still {now}: waiting for it")
            now = settle(name)
        if now == "UPDATE_ROLLBACK_FAILED":
            say(f"{name} is {now}: continuing its rollback")
            cloudformation.continue_update_rollback(StackName=name)
            now = settle(name)
        if now in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "REVIEW_IN_PROGRESS", "CREATE_FAILED"):
            # Such a stack has never worked: CloudFormation allows nothing but its deletion.
            say(f"{name} is {now}, it never came up: deleting it")
            cloudformation.delete_stack(StackName=name)
            settle(name)
