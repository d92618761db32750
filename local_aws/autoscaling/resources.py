"""AWS::ApplicationAutoScaling::* for CloudFormation."""

from collections.abc import Mapping
from typing import Any

from local_aws.autoscaling import operations, scheduled_actions
from local_aws.autoscaling.errors import ServiceError
from local_aws.autoscaling.store import NAMESPACE, STORE
from local_aws.validation import coerce, validate

SERVICE = "application-autoscaling"
_IDENTITY = ("ResourceId", "ScalableDimension", "ServiceNamespace")
_TARGET_PROPERTIES = {
    *_IDENTITY,
    "MinCapacity",
    "MaxCapacity",
    "RoleARN",
    "ScheduledActions",
    "SuspendedState",
}
_POLICY_PROPERTIES = {
    *_IDENTITY,
    "PolicyName",
    "PolicyType",
    "ScalingTargetId",
    "StepScalingPolicyConfiguration",
    "TargetTrackingScalingPolicyConfiguration",
}
Made = tuple[str, dict[str, Any]]


def create_target(properties: dict[str, Any], *, stack_name: str, logical_id: str) -> Made:
    """A registered target, which nobody had registered before."""
    _refuse_unknown(properties, _TARGET_PROPERTIES)
    key = (str(properties.get("ResourceId")), str(properties.get("ScalableDimension")))
    if key in STORE.targets:
        raise ServiceError("AlreadyExists", f"{_target_id(properties)} already exists")
    return _register(properties)


def update_target(
    physical_id: str,
    new: dict[str, Any],
    old: dict[str, Any],
    *,
    stack_name: str,
    logical_id: str,
) -> Made:
    """The target with its new bounds; another resource or dimension is another target."""
    if any(new.get(name) != old.get(name) for name in _IDENTITY):
        return create_target(new, stack_name=stack_name, logical_id=logical_id)
    _refuse_unknown(new, _TARGET_PROPERTIES)
    return _register(new)


def delete_target(
    physical_id: str, properties: dict[str, Any], *, stack_name: str, logical_id: str
) -> None:
    """The target is not registered, whoever deregistered it."""
    resource_id, dimension, namespace = physical_id.split("|")
    request = {
        "ResourceId": resource_id,
        "ScalableDimension": dimension,
        "ServiceNamespace": namespace,
    }
    _quietly(operations.deregister_scalable_target, request)


def create_policy(properties: dict[str, Any], *, stack_name: str, logical_id: str) -> Made:
    """A policy on a registered target."""
    _refuse_unknown(properties, _POLICY_PROPERTIES)
    request = coerce(SERVICE, "PutScalingPolicy", _policy_request(properties))
    validate(SERVICE, "PutScalingPolicy", request)
    answer = operations.put_scaling_policy(request)
    return answer["PolicyARN"], {"Arn": answer["PolicyARN"], "PolicyName": request["PolicyName"]}


def update_policy(
    physical_id: str,
    new: dict[str, Any],
    old: dict[str, Any],
    *,
    stack_name: str,
    logical_id: str,
) -> Made:
    """The policy as now described; another name or target makes another policy."""
    return create_policy(new, stack_name=stack_name, logical_id=logical_id)


def delete_policy(
    physical_id: str, properties: dict[str, Any], *, stack_name: str, logical_id: str
) -> None:
    """The policy is gone, by itself or with its target."""
    found = STORE.policy(physical_id)
    if found is not None:
        target, policy = found
        request = {
            "PolicyName": policy.name,
            "ResourceId": target.resource_id,
            "ScalableDimension": target.dimension,
            "ServiceNamespace": NAMESPACE,
        }
        _quietly(operations.delete_scaling_policy, request)


def _register(properties: dict[str, Any]) -> Made:
    rest = {k: v for k, v in properties.items() if k != "ScheduledActions"}
    request = coerce(SERVICE, "RegisterScalableTarget", rest)
    validate(SERVICE, "RegisterScalableTarget", request)
    operations.register_scalable_target(request)
    _schedule(properties)
    physical_id = _target_id(properties)
    return physical_id, {"Id": physical_id}


def _schedule(properties: Mapping[str, Any]) -> None:
    """The target has the scheduled actions of its properties, and no others."""
    identity = {name: properties[name] for name in _IDENTITY}
    wanted = [identity | action for action in properties.get("ScheduledActions") or []]
    for action in wanted:
        request = coerce(SERVICE, "PutScheduledAction", action)
        validate(SERVICE, "PutScheduledAction", request)
        scheduled_actions.put(request)
    kept = {str(action["ScheduledActionName"]) for action in wanted}
    target = STORE.target(identity["ResourceId"], identity["ScalableDimension"])
    for name in set(target.scheduled) - kept:
        scheduled_actions.delete({**identity, "ScheduledActionName": name})


def _target_id(properties: Mapping[str, Any]) -> str:
    return "|".join(str(properties.get(name)) for name in _IDENTITY)


def _policy_request(properties: Mapping[str, Any]) -> dict[str, Any]:
    request = {name: value for name, value in properties.items() if name != "ScalingTargetId"}
    if properties.get("ScalingTargetId"):
        parts = str(properties["ScalingTargetId"]).split("|")
        request |= dict(zip(_IDENTITY, parts, strict=False))
    return request


def _refuse_unknown(properties: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(properties) - known)
    if unknown:
        raise ServiceError(
            "ValidationException",
            f"extraneous key [{', '.join(unknown)}] is not permitted; known here: "
            f"{', '.join(sorted(known))}",
        )


def _quietly(operation: Any, request: dict[str, Any]) -> None:
    try:
        operation(request)
    except ServiceError as error:
        if error.code != "ObjectNotFoundException":
            raise
