"""What the service shows of its targets and policies, and the names it gives them."""

import base64
import binascii
import uuid
from collections.abc import Mapping
from typing import Any

from local_aws import adapter
from local_aws.autoscaling.errors import ServiceError
from local_aws.autoscaling.store import NAMESPACE, Policy, Target

CONFIGURATIONS = {
    "StepScaling": "StepScalingPolicyConfiguration",
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
}
"""The member that holds a policy's configuration, by the policy's type."""

_PAGE = 50


def page(name: str, items: list[dict[str, Any]], request: Mapping[str, Any]) -> dict[str, Any]:
    """One page of the items, and a token when there are more."""
    start, size = _position(request.get("NextToken")), request.get("MaxResults", _PAGE)
    answer: dict[str, Any] = {name: items[start : start + size]}
    if start + size < len(items):
        answer["NextToken"] = base64.b64encode(str(start + size).encode()).decode()
    return answer


def _position(token: str | None) -> int:
    try:
        return int(base64.b64decode(token, validate=True)) if token else 0
    except (ValueError, binascii.Error) as error:
        raise ServiceError("InvalidNextTokenException", "The next token is not valid") from error


def shown_target(target: Target) -> dict[str, Any]:
    """A target as DescribeScalableTargets answers it."""
    states = (
        "DynamicScalingInSuspended",
        "DynamicScalingOutSuspended",
        "ScheduledScalingSuspended",
    )
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": target.resource_id,
        "ScalableDimension": target.dimension,
        "MinCapacity": target.minimum,
        "MaxCapacity": target.maximum,
        "RoleARN": target.role_arn,
        "CreationTime": target.created.timestamp(),
        "SuspendedState": {state: target.suspended.get(state, False) for state in states},
        "ScalableTargetARN": target.arn,
    }


def shown_policy(target: Target, policy: Policy) -> dict[str, Any]:
    """A policy as DescribeScalingPolicies answers it."""
    return {
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "ServiceNamespace": NAMESPACE,
        "ResourceId": target.resource_id,
        "ScalableDimension": target.dimension,
        "PolicyType": policy.kind,
        CONFIGURATIONS[policy.kind]: policy.configuration,
        "Alarms": list(policy.alarms),
        "CreationTime": policy.created.timestamp(),
    }


def target_arn() -> str:
    """The ARN of a new target."""
    place = f"{adapter.region()}:{adapter.account()}"
    return f"arn:aws:application-autoscaling:{place}:scalable-target/{uuid.uuid4().hex[:24]}"


def policy_arn(target: Target, name: str) -> str:
    """The ARN of a new policy."""
    place = f"{adapter.region()}:{adapter.account()}"
    return (
        f"arn:aws:autoscaling:{place}:scalingPolicy:{uuid.uuid4()}:"
        f"resource/{NAMESPACE}/{target.resource_id}:policyName/{name}"
    )


def service_linked_role() -> str:
    """The role the service scales with when no other is given."""
    return (
        f"arn:aws:iam::{adapter.account()}:role/aws-service-role/"
        "sagemaker.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    )
