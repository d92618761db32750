"""What is registered for a variant now, beside what was asked for."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from endpoint_lifecycle.typed import typed

Properties = dict[str, Any]

_AT = re.compile(r"at\((?P<moment>[^)]+)\)")
_EASTMOST = timedelta(hours=14)  # no time zone is further ahead of UTC


def lacking(properties: Properties) -> Properties | None:
    """The properties, with no more policies, alarms and schedules than have to be written.

    None when everything is as it was asked for. Bounds may be any where schedules move them.
    """
    scaling, target = boto3.client("application-autoscaling"), properties["Target"]
    if not _is_bounded(scaling, properties):
        return properties  # a target that was deregistered has lost its policies and schedules too
    policies, alarms = _policies(scaling, target), _alarms(properties)
    unlike = {
        one["PolicyName"]
        for one in properties["Policies"]
        if not _covers(policies.get(one["PolicyName"]), typed(one))
    }
    for one in properties.get("Alarms", []):
        arn = policies.get(one["PolicyName"], {}).get("PolicyARN")
        request = {key: value for key, value in one.items() if key != "PolicyName"}
        if not _covers(alarms.get(one["AlarmName"]), {**typed(request), "AlarmActions": [arn]}):
            unlike.add(one["PolicyName"])
    schedules = _lacking_schedules(scaling, properties)
    if not unlike and not schedules:
        return None
    kept = {
        key: [one for one in properties.get(key, []) if one["PolicyName"] in unlike]
        for key in ("Policies", "Alarms")
    }
    return {**properties, **kept, "Schedules": schedules}


def is_registered(target: Properties) -> bool:
    """Whether there is such a target, whatever its bounds."""
    return any(_targets(boto3.client("application-autoscaling"), target))


def may_be_past(schedule: Properties) -> bool:
    """Whether it is for one moment, which is over somewhere on earth."""
    at = _AT.fullmatch(schedule["Schedule"])
    if at is None:
        return False
    moment = datetime.fromisoformat(at["moment"]).replace(tzinfo=UTC)
    return moment - _EASTMOST <= datetime.now(UTC)


def _is_bounded(scaling: Any, properties: Properties) -> bool:
    bounds = {} if properties.get("Schedules") else _bounds(properties)
    return any(_covers(one, bounds) for one in _targets(scaling, properties["Target"]))


def _targets(scaling: Any, target: Properties) -> list[Properties]:
    found: list[Properties] = scaling.describe_scalable_targets(
        ServiceNamespace=target["ServiceNamespace"],
        ResourceIds=[target["ResourceId"]],
        ScalableDimension=target["ScalableDimension"],
    )["ScalableTargets"]
    return found


def _bounds(properties: Properties) -> Properties:
    bounds: Properties = typed({key: properties[key] for key in ("MinCapacity", "MaxCapacity")})
    return bounds


def _policies(scaling: Any, target: Properties) -> dict[str, Properties]:
    found = scaling.describe_scaling_policies(**target)["ScalingPolicies"]
    return {one["PolicyName"]: one for one in found}


def _alarms(properties: Properties) -> dict[str, Properties]:
    names = [one["AlarmName"] for one in properties.get("Alarms", [])]
    if not names:
        return {}
    found = boto3.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    return {one["AlarmName"]: one for one in found}


def _lacking_schedules(scaling: Any, properties: Properties) -> list[Properties]:
    asked = [one for one in properties.get("Schedules", []) if not may_be_past(one)]
    if not asked:
        return []
    listed = scaling.describe_scheduled_actions(**properties["Target"])["ScheduledActions"]
    found = {one["ScheduledActionName"]: one for one in listed}
    return [one for one in asked if not _covers(found.get(one["ScheduledActionName"]), typed(one))]


def _covers(found: Any, asked: Any) -> bool:
    """Whether what was found says all that was asked; a service adds defaults of its own."""
    if isinstance(asked, dict):
        return isinstance(found, dict) and all(
            key in found and _covers(found[key], value) for key, value in asked.items()
        )
    if isinstance(asked, list):
        return (
            isinstance(found, list)
            and len(found) == len(asked)
            and all(_covers(one, other) for one, other in zip(found, asked, strict=True))
        )
    return bool(found == asked)
