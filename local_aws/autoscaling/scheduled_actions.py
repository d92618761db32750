"""Scheduled actions: bounds that change at set times, whoever is there to see it."""

import logging
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws import adapter
from local_aws.autoscaling import capacity, schedules
from local_aws.autoscaling.errors import ServiceError, invalid
from local_aws.autoscaling.rules import check_namespace
from local_aws.autoscaling.scaling import bring_within_bounds
from local_aws.autoscaling.shapes import page
from local_aws.autoscaling.store import NAMESPACE, STORE, ScheduledAction, Target

log = logging.getLogger("local_aws.autoscaling")

Request = Mapping[str, Any]


def put(request: Request) -> dict[str, Any]:
    """The action exists as described; of one that did, only its times are forgotten."""
    check_namespace(request)
    with STORE.lock:
        target = STORE.target(request["ResourceId"], request["ScalableDimension"])
        name = request["ScheduledActionName"]
        known = target.scheduled.get(name)
        schedule = request.get("Schedule") or (known.schedule if known else None)
        bounds = request.get("ScalableTargetAction", known.bounds if known else {})
        if schedule is None:
            raise invalid("Schedule is required for a new scheduled action")
        _check_bounds(target, bounds)
        action = ScheduledAction(
            name=name,
            arn=known.arn if known else _arn(target, name),
            schedule=schedule,
            zone=request.get("Timezone") or (known.zone if known else None),
            start=_moment(request.get("StartTime")),
            end=_moment(request.get("EndTime")),
            bounds=dict(bounds),
            created=known.created if known else datetime.now(UTC),
        )
        try:
            plan(action, time.time())
        except ValueError as error:
            raise invalid(f"Invalid scheduled action {name}: {error}") from error
        target.scheduled[name] = action
    return {}


def delete(request: Request) -> dict[str, Any]:
    """The action is gone; the bounds it set stay."""
    check_namespace(request)
    name = request["ScheduledActionName"]
    with STORE.lock:
        target = STORE.target(request["ResourceId"], request["ScalableDimension"])
        if target.scheduled.pop(name, None) is None:
            raise ServiceError(
                "ObjectNotFoundException",
                f"No scheduled action found for service namespace: {NAMESPACE}, resource ID: "
                f"{target.resource_id}, scalable dimension: {target.dimension}: {name}",
            )
    return {}


def describe(request: Request) -> dict[str, Any]:
    """The actions asked for, a page at a time."""
    names = request.get("ScheduledActionNames")
    shown = [
        _shown(target, action)
        for target in list(STORE.targets.values())
        for action in list(target.scheduled.values())
        if request["ServiceNamespace"] == NAMESPACE
        and request.get("ResourceId") in (None, target.resource_id)
        and request.get("ScalableDimension") in (None, target.dimension)
        and (not names or action.name in names or action.arn in names)
    ]
    return page("ScheduledActions", shown, request)


def run_due(now: float) -> None:
    """Every action whose time has come has set its bounds, unless SageMaker is busy: then later."""
    for target in list(STORE.targets.values()):
        for action in list(target.scheduled.values()):
            if action.next_run is None or action.next_run > now:
                continue
            try:
                _run(target, action, now)
            except ServiceError as error:  # what it scales is gone; others must go on
                log.warning("scheduled action %s was not run: %s", action.name, error)


def plan(action: ScheduledAction, now: float) -> None:
    """The action knows when it runs next."""
    begin = max(now, action.start or 0.0)
    found = schedules.next_run(
        action.schedule, action.zone, begin, since=action.start or action.created.timestamp()
    )
    action.next_run = None if found is None or (action.end and found > action.end) else found


def _run(target: Target, action: ScheduledAction, now: float) -> None:
    if target.suspended.get("ScheduledScalingSuspended", False):
        plan(action, now)
        return
    if not capacity.read(target.resource_id, target.dimension).settled:
        return
    minimum = action.bounds.get("MinCapacity", target.minimum)
    maximum = action.bounds.get("MaxCapacity", target.maximum)
    plan(action, now)
    if minimum > maximum:
        log.warning(
            "scheduled action %s would set a minimum of %s above the maximum of %s",
            *(action.name, minimum, maximum),
        )
        return
    target.minimum, target.maximum = minimum, maximum
    bring_within_bounds(target, cause=f"scheduled action name {action.name} was triggered")


def _check_bounds(target: Target, bounds: Mapping[str, int]) -> None:
    minimum, maximum = bounds.get("MinCapacity"), bounds.get("MaxCapacity")
    if minimum is None and maximum is None:
        raise invalid("ScalableTargetAction needs MinCapacity, MaxCapacity or both")
    if minimum is not None and maximum is not None and maximum < minimum:
        raise invalid("Maximum capacity cannot be less than minimum capacity")
    if minimum == 0 and not capacity.read(target.resource_id, target.dimension).may_be_zero:
        raise invalid(f"Minimum capacity must be 1 or more for {target.resource_id}")


def _moment(given: Any) -> float | None:
    """A timestamp as JSON or CloudFormation carries it, in seconds since the epoch."""
    if given is None or isinstance(given, int | float):
        return given
    try:
        moment = datetime.fromisoformat(str(given))
    except ValueError as error:
        raise invalid(f"{given} is no date and time") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _shown(target: Target, action: ScheduledAction) -> dict[str, Any]:
    shown = {
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        "ServiceNamespace": NAMESPACE,
        "Schedule": action.schedule,
        "Timezone": action.zone,
        "ResourceId": target.resource_id,
        "ScalableDimension": target.dimension,
        "StartTime": action.start,
        "EndTime": action.end,
        "ScalableTargetAction": action.bounds,
        "CreationTime": action.created.timestamp(),
    }
    return {key: value for key, value in shown.items() if value is not None}


def _arn(target: Target, name: str) -> str:
    place = f"{adapter.region()}:{adapter.account()}"
    return (
        f"arn:aws:autoscaling:{place}:scheduledAction:{uuid.uuid4()}:"
        f"resource/{NAMESPACE}/{target.resource_id}:scheduledActionName/{name}"
    )
