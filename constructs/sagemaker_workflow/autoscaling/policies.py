"""Policies, alarms and schedules of a variant, in the words of the services' own requests."""

from __future__ import annotations

from typing import Any

from sagemaker_workflow.autoscaling.spec import TARGETS, Follows, Metric, Scaling

_PREDEFINED: dict[str, str] = {
    "invocations": "SageMakerVariantInvocationsPerInstance",
    "concurrency": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    "provisioned_concurrency": "SageMakerVariantProvisionedConcurrencyUtilization",
}
_NAMESPACE = "AWS/SageMaker"


def target(name: str, variant: str, kind: Follows) -> dict[str, str]:
    """What is scaled (contracts 3.5)."""
    concurrency = kind == "provisioned_concurrency"
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/{variant}",
        "ScalableDimension": "sagemaker:variant:Desired"
        + ("ProvisionedConcurrency" if concurrency else "InstanceCount"),
    }


def policies(name: str, scaling: Scaling, kind: Follows) -> list[dict[str, Any]]:
    """Target tracking of the load, and from nothing the step that wakes up."""
    follows = scaling.follows or kind
    label = "metric" if isinstance(follows, Metric) else follows.replace("_", "-")
    tracking = {
        "PolicyName": f"{name}-{label}",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": _target_value(scaling, follows),
            "ScaleInCooldown": scaling.scale_in_cooldown_seconds,
            "ScaleOutCooldown": scaling.scale_out_cooldown_seconds,
            **_metric(name, follows),
        },
    }
    return [tracking, *([_wake_up(name)] if kind == "backlog" else [])]


def alarms(name: str, kind: Follows) -> list[dict[str, Any]]:
    """Alarms of our own step policies; those of target tracking make themselves.

    At zero instances there is no backlog per instance to track, so requests that wait without
    capacity wake the endpoint. The values are the service guide's (contracts 5.6).
    """
    if kind != "backlog":
        return []
    return [
        {
            "PolicyName": _wake(name),
            "AlarmName": _wake(name),
            "AlarmDescription": f"{name}: requests wait and no instance is there",
            "Namespace": _NAMESPACE,
            "MetricName": "HasBacklogWithoutCapacity",
            "Dimensions": [{"Name": "EndpointName", "Value": name}],
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 2,
            "DatapointsToAlarm": 2,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "missing",
        }
    ]


def schedules(name: str, scaling: Scaling) -> list[dict[str, Any]]:
    """Scheduled actions."""
    return [
        {
            "ScheduledActionName": f"{name}-{label}",
            "Schedule": one.at,
            "Timezone": one.timezone,
            "ScalableTargetAction": {
                "MinCapacity": one.min_capacity,
                "MaxCapacity": one.max_capacity,
            },
        }
        for label, one in scaling.schedules.items()
    ]


def _target_value(scaling: Scaling, follows: Follows | Metric) -> float:
    if scaling.target is not None:
        return scaling.target
    return TARGETS["invocations" if isinstance(follows, Metric) else follows]


def _wake(name: str) -> str:
    return f"{name}-wake-from-zero"


def _wake_up(name: str) -> dict[str, Any]:
    return {
        "PolicyName": _wake(name),
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": 300,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    }


def _metric(name: str, follows: Follows | Metric) -> dict[str, Any]:
    if isinstance(follows, Metric):
        said: dict[str, Any] = {
            "Namespace": follows.namespace,
            "MetricName": follows.name,
            "Dimensions": [{"Name": k, "Value": v} for k, v in follows.dimensions.items()],
            "Statistic": follows.statistic,
        }
        if follows.unit:
            said["Unit"] = follows.unit
        return {"CustomizedMetricSpecification": said}
    if follows in _PREDEFINED:
        return {"PredefinedMetricSpecification": {"PredefinedMetricType": _PREDEFINED[follows]}}
    return {
        "CustomizedMetricSpecification": {
            "Namespace": _NAMESPACE,
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Dimensions": [{"Name": "EndpointName", "Value": name}],
            "Statistic": "Average",
        }
    }
