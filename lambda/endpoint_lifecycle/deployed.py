"""The config that was asked for is the one that serves, or the deployment fails and says why.

SageMaker may roll an update back and be InService again, with the old config: whoever waits for
InService alone takes that for a success.
"""

from __future__ import annotations

from typing import Any

import boto3

from endpoint_lifecycle import endpoints


class NotDeployedError(Exception):
    """The endpoint is not what was asked for; the text is the event a person reads."""


def check(event: dict[str, Any], context: Any) -> str:
    """What serves is what was asked for; NotDeployedError when it is not."""
    if event["RequestType"] == "Delete":
        return "nothing to do"
    properties = event["ResourceProperties"]
    name, asked = properties["EndpointName"], properties["EndpointConfigName"]
    fault = _fault(name, asked, context)
    if fault is None:
        return f"{name} serves {asked}"
    if _goes_back(event["StackId"]):
        # To fail here too would leave the stack in UPDATE_ROLLBACK_FAILED.
        return f"the stack is being rolled back, so this is only noted: {fault}"
    raise NotDeployedError(fault)


def _fault(name: str, asked: str, context: Any) -> str | None:
    found = endpoints.settled(name, context)
    if found is None:
        return f"endpoint {name} does not exist"
    status, actual = found["EndpointStatus"], found["EndpointConfigName"]
    if status in endpoints.CHANGING:
        return f"endpoint {name} is still {status}, and the time to wait for it is over"
    reason = found.get("FailureReason")
    because = f": {reason}" if reason else ""
    if alarms := _firing(found):
        because += f"; firing: {', '.join(alarms)}"
    if status != "InService":
        return f"endpoint {name} is {status}{because}"
    if actual != asked:
        return (
            f"endpoint {name} is InService with {actual} and not with {asked}: SageMaker rolled "
            f"the update back, or somebody else changed the endpoint{because}"
        )
    return None


def _firing(endpoint: dict[str, Any]) -> list[str]:
    """The alarms that watched the endpoint's last update and fire now."""
    watched = endpoint.get("LastDeploymentConfig", {}).get("AutoRollbackConfiguration", {})
    names = [one["AlarmName"] for one in watched.get("Alarms", [])]
    if not names:
        return []
    found = boto3.client("cloudwatch").describe_alarms(AlarmNames=names, StateValue="ALARM")
    return sorted(one["AlarmName"] for one in found["MetricAlarms"])


def _goes_back(stack: str) -> bool:
    [found] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return "ROLLBACK" in found["StackStatus"]
