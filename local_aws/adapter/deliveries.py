"""EventBridge and its Scheduler start state machines with the role of the rule or schedule.

What they may not deliver is kept.

ministack starts them itself and loses what fails. EventBridge User Guide, "Using dead-letter
queues": an event that permissions keep from its target is not tried again.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from local_aws.adapter import process
from local_aws.adapter.credentials import trusts
from local_aws.adapter.permissions import Denial, role_denial

log = logging.getLogger("local_aws")

_EVENTS, _SCHEDULER = "events.amazonaws.com", "scheduler.amazonaws.com"


def install() -> None:
    """Ask the role of each target that is a state machine."""
    from ministack.core import iam_evaluator
    from ministack.services import eventbridge

    invoke = eventbridge._invoke_target

    def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> None:
        # ministack's Scheduler delivers by the same function, and names itself as the source.
        principal = _SCHEDULER if event.get("Source") == "aws.scheduler" else _EVENTS
        if principal == _SCHEDULER:
            # Its thread serves no request, whose way here would be the execution's (door.py).
            iam_evaluator.pin_request_origin("127.0.0.1", secure_transport=True)
        denial = _denial(target, principal) if process.settings().enforce else None
        if denial is None:
            invoke(target, event, rule, view)
            return
        log.warning("EventBridge: rule %s: %s", rule.get("Name"), denial.message)
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if queue:
            _keep(queue, event, rule, target, denial)

    eventbridge._invoke_target = invoke_target


def _denial(target: Mapping[str, Any], principal: str) -> Denial | None:
    machine, role = str(target.get("Arn", "")), str(target.get("RoleArn") or "")
    if not machine.startswith("arn:aws:states:"):
        return None
    if not trusts(_trust_policy(role), principal):
        message = f"{principal} is not authorized to perform: sts:AssumeRole on resource: {role}"
        return Denial(action="sts:AssumeRole", resource=role, message=message)
    return role_denial(role, "states:StartExecution", machine, session_name=principal.split(".")[0])


def _trust_policy(role_arn: str) -> Any:
    from ministack.services import iam

    found = iam._roles.get(role_arn.rsplit("/", 1)[-1])
    return (found or {}).get("AssumeRolePolicyDocument") or {}


def _keep(
    queue: str,
    event: Mapping[str, Any],
    rule: Mapping[str, Any],
    target: Mapping[str, Any],
    denial: Denial,
) -> None:
    """The queue holds the event and, as the service writes them, the reasons."""
    from ministack.core.arn import parse_arn
    from ministack.services import eventbridge, sqs

    spec = parse_arn(queue)
    body = json.dumps(eventbridge._pattern_event_view(event).event_with_detail())
    eventbridge._dispatch_to_sqs(spec, body, {})
    found = sqs._queue_by_arn(queue)
    if found is None:
        return
    reasons = {
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": denial.message,
        "RULE_ARN": str(rule.get("Arn", "")),
        "TARGET_ARN": str(target.get("Arn", "")),
    }
    found["messages"][-1]["message_attributes"] = {
        name: {"DataType": "String", "StringValue": value} for name, value in reasons.items()
    }
