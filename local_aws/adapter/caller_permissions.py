"""What the caller of a service must be allowed besides the call: what is done in its name."""

from collections.abc import Callable, Mapping
from typing import Any

from local_aws.adapter import process
from local_aws.adapter.task_permissions import Need, role_hand_overs

Needs = Callable[[str, Mapping[str, Any]], list[Need]]
"""From an action and its parameters to what else its caller needs."""


def passed_roles(action: str, given: Mapping[str, Any]) -> list[Need]:
    """iam:PassRole on each role a SageMaker request hands over."""
    return role_hand_overs(given) if action.startswith(("Create", "Update")) else []


def invoked_component(headers: Mapping[str, str]) -> list[Need]:
    """sagemaker:InvokeEndpoint on the inference component a request names, besides its endpoint."""
    name = headers.get("x-amzn-sagemaker-inference-component")
    if not name:
        return []
    arn = _arn("sagemaker", f"inference-component/{name.lower()}")
    return [Need(action="sagemaker:InvokeEndpoint", resource=arn)]


def autoscaling_needs(action: str, given: Mapping[str, Any]) -> list[Need]:
    """What Application Auto Scaling asks of a caller who scales an endpoint.

    Its User Guide, "Identity-based policy examples": it looks at the endpoint and changes it, and
    keeps a tracking policy's alarms, with what the caller may do.
    """
    kind, _, rest = str(given.get("ResourceId", "")).partition("/")
    if kind not in ("endpoint", "inference-component"):
        return []
    if action == "RegisterScalableTarget" and kind == "inference-component":
        component = _arn("sagemaker", f"inference-component/{rest.lower()}")
        looks = ("DescribeInferenceComponent", "UpdateInferenceComponentRuntimeConfig")
        return [Need(action=f"sagemaker:{call}", resource=component) for call in looks]
    if action == "RegisterScalableTarget":
        endpoint = _arn("sagemaker", f"endpoint/{rest.partition('/')[0].lower()}")
        calls = ("DescribeEndpoint", "UpdateEndpointWeightsAndCapacities")
        return [Need(action=f"sagemaker:{call}", resource=endpoint) for call in calls]
    if action == "PutScalingPolicy" and given.get("PolicyType") == "TargetTrackingScaling":
        alarm = _arn("cloudwatch", f"alarm:TargetTracking-{given['ResourceId']}-AlarmHigh")
        return [
            Need(action="cloudwatch:PutMetricAlarm", resource=alarm),
            Need(action="cloudwatch:DescribeAlarms", resource=_arn("cloudwatch", "alarm:*")),
            Need(action="cloudwatch:DeleteAlarms", resource=alarm),
        ]
    return []


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{process.region()}:{process.account()}:{rest}"
