"""What the service does, one function an operation; each gets a validated request."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws.autoscaling import alarms, capacity, scheduled_actions
from local_aws.autoscaling.errors import ServiceError, invalid
from local_aws.autoscaling.rules import check_namespace, check_policy, parts
from local_aws.autoscaling.scaling import bring_within_bounds
from local_aws.autoscaling.shapes import (
    CONFIGURATIONS,
    page,
    policy_arn,
    service_linked_role,
    shown_policy,
    shown_target,
    target_arn,
)
from local_aws.autoscaling.store import NAMESPACE, STORE, Policy, Target

Request = Mapping[str, Any]


def register_scalable_target(request: Request) -> dict[str, Any]:
    """The target is registered with these bounds; what is left out stays as it was."""
    check_namespace(request)
    resource_id, dimension = request["ResourceId"], request["ScalableDimension"]
    parts(resource_id, dimension)
    known = STORE.targets.get((resource_id, dimension))
    minimum = request.get("MinCapacity", known.minimum if known else None)
    maximum = request.get("MaxCapacity", known.maximum if known else None)
    if minimum is None or maximum is None:
        raise invalid("MinCapacity and MaxCapacity are required to register a scalable target")
    if maximum < minimum:
        raise invalid("Maximum capacity cannot be less than minimum capacity")
    now = capacity.read(resource_id, dimension)
    if minimum == 0 and not now.may_be_zero:
        raise invalid(f"Minimum capacity must be 1 or more for {resource_id}")
    with STORE.lock:
        target = known or Target(
            resource_id=resource_id,
            dimension=dimension,
            arn=target_arn(),
            role_arn=service_linked_role(),
            minimum=minimum,
            maximum=maximum,
            created=datetime.now(UTC),
            suspended={},
        )
        target.minimum, target.maximum = minimum, maximum
        target.role_arn = request.get("RoleARN", target.role_arn)
        target.suspended = {**target.suspended, **request.get("SuspendedState", {})}
        target.tags.update(request.get("Tags", {}))
        STORE.targets[(resource_id, dimension)] = target
    bring_within_bounds(target)
    return {"ScalableTargetARN": target.arn}


def deregister_scalable_target(request: Request) -> dict[str, Any]:
    """The target is gone, and with it its policies, their alarms and its scheduled actions."""
    check_namespace(request)
    with STORE.lock:
        target = STORE.target(request["ResourceId"], request["ScalableDimension"])
        del STORE.targets[(target.resource_id, target.dimension)]
    for policy in target.policies.values():
        alarms.remove(policy)
    return {}


def describe_scalable_targets(request: Request) -> dict[str, Any]:
    """The targets asked for, a page at a time."""
    wanted, dimension = request.get("ResourceIds"), request.get("ScalableDimension")
    shown = [
        shown_target(target)
        for target in list(STORE.targets.values())
        if request["ServiceNamespace"] == NAMESPACE
        and (not wanted or target.resource_id in wanted)
        and dimension in (None, target.dimension)
    ]
    return page("ScalableTargets", shown, request)


def put_scaling_policy(request: Request) -> dict[str, Any]:
    """The policy exists as described; target tracking ones with alarms of their own."""
    check_namespace(request)
    with STORE.lock:
        target = STORE.target(request["ResourceId"], request["ScalableDimension"])
        known = target.policies.get(request["PolicyName"])
        kind = request.get("PolicyType", known.kind if known else "StepScaling")
        if known and kind != known.kind:
            raise invalid(f"The type of policy {known.name} cannot be changed from {known.kind}")
        check_policy(kind, request, target.dimension)
        configuration = dict(request[CONFIGURATIONS[kind]])
        _refuse_a_second_policy_for_the_metric(target, request["PolicyName"], configuration)
        policy = known or Policy(
            name=request["PolicyName"],
            arn=policy_arn(target, request["PolicyName"]),
            kind=kind,
            configuration=configuration,
            created=datetime.now(UTC),
        )
        policy.configuration = configuration
        target.policies[policy.name] = policy
    alarms.replace(target, policy)
    return {"PolicyARN": policy.arn, "Alarms": list(policy.alarms)}


def delete_scaling_policy(request: Request) -> dict[str, Any]:
    """The policy and its alarms are gone."""
    check_namespace(request)
    with STORE.lock:
        target = STORE.target(request["ResourceId"], request["ScalableDimension"])
        policy = target.policies.pop(request["PolicyName"], None)
    if policy is None:
        raise ServiceError(
            "ObjectNotFoundException",
            f"No scaling policy found for service namespace: {NAMESPACE}, resource ID: "
            f"{target.resource_id}, scalable dimension: {target.dimension}: "
            f"{request['PolicyName']}",
        )
    alarms.remove(policy)
    return {}


def describe_scaling_policies(request: Request) -> dict[str, Any]:
    """The policies asked for, a page at a time."""
    names = request.get("PolicyNames")
    shown = [
        shown_policy(target, policy)
        for target in list(STORE.targets.values())
        for policy in list(target.policies.values())
        if _selected(request, target.resource_id, target.dimension)
        and (not names or policy.name in names or policy.arn in names)
    ]
    return page("ScalingPolicies", shown, request)


def describe_scaling_activities(request: Request) -> dict[str, Any]:
    """What was scaled, newest first, a page at a time."""
    shown = [
        activity
        for activity in reversed(list(STORE.activities))
        if _selected(request, activity["ResourceId"], activity["ScalableDimension"])
    ]
    return page("ScalingActivities", shown, request)


def tag_resource(request: Request) -> dict[str, Any]:
    """The target carries the tags."""
    _tagged(request).tags.update(request["Tags"])
    return {}


def untag_resource(request: Request) -> dict[str, Any]:
    """The target carries none of these tags."""
    target = _tagged(request)
    for key in request["TagKeys"]:
        target.tags.pop(key, None)
    return {}


def list_tags_for_resource(request: Request) -> dict[str, Any]:
    """The target's tags."""
    return {"Tags": dict(_tagged(request).tags)}


OPERATIONS: dict[str, Callable[[Request], dict[str, Any]]] = {
    "RegisterScalableTarget": register_scalable_target,
    "DeregisterScalableTarget": deregister_scalable_target,
    "DescribeScalableTargets": describe_scalable_targets,
    "PutScalingPolicy": put_scaling_policy,
    "DeleteScalingPolicy": delete_scaling_policy,
    "DescribeScalingPolicies": describe_scaling_policies,
    "DescribeScalingActivities": describe_scaling_activities,
    "PutScheduledAction": scheduled_actions.put,
    "DeleteScheduledAction": scheduled_actions.delete,
    "DescribeScheduledActions": scheduled_actions.describe,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
}


def _refuse_a_second_policy_for_the_metric(
    target: Target, name: str, configuration: Mapping[str, Any]
) -> None:
    keys = ("PredefinedMetricSpecification", "CustomizedMetricSpecification")
    metric = [configuration.get(key) for key in keys]
    if metric == [None, None]:
        return
    for other in target.policies.values():
        if other.name != name and [other.configuration.get(key) for key in keys] == metric:
            raise invalid(
                "Only one TargetTrackingScaling policy for a given metric specification is allowed."
            )


def _selected(request: Request, resource_id: str, dimension: str) -> bool:
    return (
        request["ServiceNamespace"] == NAMESPACE
        and request.get("ResourceId") in (None, resource_id)
        and request.get("ScalableDimension") in (None, dimension)
    )


def _tagged(request: Request) -> Target:
    for target in list(STORE.targets.values()):
        if target.arn == request["ResourceARN"]:
            return target
    raise ServiceError(
        "ResourceNotFoundException", f"The resource {request['ResourceARN']} does not exist"
    )
