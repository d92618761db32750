"""One variant's automatic scaling: registered with policies, alarms and schedules, or not at all.

Two custom resources ask with the same properties (see the construct EndpointScaling): `StepAside`
before each update of the endpoint, which it lets begin once scaling is done, and `Target` after.
Everything here can be done twice with the same outcome, for CloudFormation repeats itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

from endpoint_lifecycle import endpoints, registered
from endpoint_lifecycle.typed import typed

Properties = dict[str, Any]

_BOUNDS = ("MinCapacity", "MaxCapacity")
# The rule and CloudFormation may register at the same moment.
_TRIES = 6
_TRY_AGAIN_SECONDS = 1.0
_LOOKS = 4


def follow(event: dict[str, Any], context: Any) -> str:
    """What a request of CloudFormation asks for is done."""
    properties, request = event["ResourceProperties"], event["RequestType"]
    before = properties["Phase"] == "StepAside"
    if request == "Delete":
        # The endpoint goes, or its scaling does; `Target` says so, and goes first.
        return "nothing to do" if before else _deregister(properties)
    old = event.get("OldResourceProperties", {})
    if not before:
        return _register(properties, old)
    if request == "Create":
        return "nothing to do before the endpoint is there"
    actual = _shape(properties)
    if actual is None:
        return "there is no endpoint yet"
    stays = actual == properties["Shape"]
    done = _register(properties, old) if stays else _deregister(properties)
    rest = _come_to_rest(properties, context, bounded=stays and _moved(properties, old))
    if not stays:
        _stay_aside(properties)
    return f"{done}; {rest}"


def _stay_aside(properties: Properties) -> None:
    """The target is still gone: whoever just heard that the endpoint was in service as it was then
    (`restore`, of an update that is being rolled back) registers it a moment later."""
    for _ in range(_LOOKS):
        if not endpoints.changed_lately(properties["EndpointName"]):
            return
        time.sleep(_TRY_AGAIN_SECONDS)
        if registered.is_registered(properties["Target"]):
            _deregister(properties)


def _moved(properties: Properties, old: Properties) -> bool:
    """Whether the bounds are others than before."""
    return any(old.get(key) != properties[key] for key in _BOUNDS)


def _come_to_rest(properties: Properties, context: Any, *, bounded: bool) -> str:
    """Wait for what scaling has begun: SageMaker refuses to update an endpoint that changes.

    Bounds that moved bring the count along (API reference, RegisterScalableTarget), which begins a
    moment later. The update then finds the count it was made for: a canary needs two instances.
    """

    def within(endpoint: dict[str, Any]) -> bool:
        count = _count(endpoint, properties)
        return count is None or (
            int(properties["MinCapacity"]) <= count <= int(properties["MaxCapacity"])
        )

    found = endpoints.settled(
        properties["EndpointName"], context, enough=within if bounded else lambda _: True
    )
    return f"the endpoint is {found['EndpointStatus']}" if found else "the endpoint is gone"


def _count(endpoint: dict[str, Any], properties: Properties) -> int | None:
    """How much capacity the variant has now; None when nobody says."""
    for one in endpoint.get("ProductionVariants", []):
        if one["VariantName"] == properties["VariantName"]:
            serverless = one.get("CurrentServerlessConfig", {}).get("ProvisionedConcurrency")
            count: int | None = one.get("CurrentInstanceCount", serverless)
            return count
    return None


def restore(properties: Properties) -> str:
    """The endpoint has just come into service: it scales, if it runs on what was asked for.

    CloudFormation does not call `Target` in a rollback that began before `Target` was updated;
    this does what it would have done, and writes nothing where all is as it was: every update
    ends in service, and so does every step of scaling.
    """
    if _shape(properties) != properties["Shape"]:
        return "it runs on something else: not registered"
    lacking = registered.lacking(properties)
    if lacking is None:
        return "registered as asked"
    if lacking is properties:
        return _register(properties, properties)
    _write(lacking)
    again = _names(lacking, "Policies", "PolicyName")
    again |= _names(lacking, "Schedules", "ScheduledActionName")
    return f"written again: {', '.join(sorted(again))}"


def _shape(properties: Properties) -> dict[str, str] | None:
    return endpoints.shape(
        properties["EndpointName"], properties["VariantName"], properties["Shape"]
    )


def _register(properties: Properties, old: Properties) -> str:
    """The target with its bounds, policies, their alarms and its schedules; no others."""
    scaling = boto3.client("application-autoscaling")
    _bound(scaling, properties, old)
    _write(properties)
    _remove_former(scaling, properties, old)
    return f"registered from {properties['MinCapacity']} to {properties['MaxCapacity']}"


def _write(properties: Properties) -> None:
    """Policies, their alarms and schedules are there, of a target that is."""
    scaling, target = boto3.client("application-autoscaling"), properties["Target"]
    alarms = {one["PolicyName"]: one for one in properties.get("Alarms", [])}
    for policy in properties["Policies"]:
        made = _patiently(scaling.put_scaling_policy, **target, **typed(policy))
        if alarm := alarms.get(policy["PolicyName"]):
            _put_alarm(alarm, made["PolicyARN"])
    for schedule in properties.get("Schedules", []):
        _schedule(scaling, target, schedule)


def _bound(scaling: Any, properties: Properties, old: Properties) -> None:
    """The target has its bounds. Where schedules move them, they stay unless they were changed:
    a deployment at night would otherwise set those of the day."""
    target = properties["Target"]
    bounds = {key: properties[key] for key in _BOUNDS}
    if properties.get("Schedules") and not _moved(properties, old):
        try:
            _patiently(scaling.register_scalable_target, **target)
        except ClientError as fault:
            # Not registered yet, so the bounds are missing.
            if fault.response["Error"]["Code"] != "ValidationException":
                raise
        else:
            return
    _patiently(scaling.register_scalable_target, **target, **typed(bounds))


def _schedule(scaling: Any, target: Properties, schedule: Properties) -> None:
    """The schedule is there; one whose only moment is over may stay in the settings."""
    try:
        _patiently(scaling.put_scheduled_action, **target, **typed(schedule))
    except ClientError as fault:
        invalid = fault.response["Error"]["Code"] == "ValidationException"
        if not (invalid and registered.may_be_past(schedule)):
            raise


def _put_alarm(alarm: Properties, policy_arn: str) -> None:
    request = {key: value for key, value in alarm.items() if key != "PolicyName"}
    boto3.client("cloudwatch").put_metric_alarm(**typed(request), AlarmActions=[policy_arn])


def _remove_former(scaling: Any, properties: Properties, old: Properties) -> None:
    """What the template asked for before, and does not any more."""
    if old.get("Target") != properties["Target"]:
        return
    for name in _names(old, "Policies", "PolicyName") - _names(
        properties, "Policies", "PolicyName"
    ):
        _if_there(scaling.delete_scaling_policy, **properties["Target"], PolicyName=name)
    key = "ScheduledActionName"
    for name in _names(old, "Schedules", key) - _names(properties, "Schedules", key):
        _if_there(scaling.delete_scheduled_action, **properties["Target"], ScheduledActionName=name)
    if gone := _names(old, "Alarms", "AlarmName") - _names(properties, "Alarms", "AlarmName"):
        boto3.client("cloudwatch").delete_alarms(AlarmNames=sorted(gone))


def _deregister(properties: Properties) -> str:
    """No target, and with it no policy and no schedule; no alarm of ours either."""
    scaling = boto3.client("application-autoscaling")
    _if_there(scaling.deregister_scalable_target, **properties["Target"])
    if alarms := _names(properties, "Alarms", "AlarmName"):
        # Deleting an alarm that is not there is no fault.
        boto3.client("cloudwatch").delete_alarms(AlarmNames=sorted(alarms))
    return "deregistered"


def _names(properties: Properties, of: str, key: str) -> set[str]:
    return {one[key] for one in properties.get(of, [])}


def _if_there(call: Callable[..., Any], **request: Any) -> None:
    try:
        _patiently(call, **request)
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "ObjectNotFoundException":
            raise


def _patiently(call: Callable[..., Any], **request: Any) -> Any:
    for attempt in range(1, _TRIES + 1):
        try:
            return call(**request)
        except ClientError as fault:
            busy = fault.response["Error"]["Code"] == "ConcurrentUpdateException"
            if not busy or attempt == _TRIES:
                raise
            time.sleep(_TRY_AGAIN_SECONDS * attempt)
    raise AssertionError("unreachable")
