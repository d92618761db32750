"""What CloudFormation asks the lifecycle function of a deployed endpoint, as its stack does."""

from __future__ import annotations

from typing import Any, Literal

Phase = Literal["Target", "StepAside", "Deployed"]
VARIANT = "primary"
_INSTANCES = {"realtime": "ml.g4dn.xlarge", "async": "ml.m5.large"}
_NEVER = "at(2099-01-01T00:00:00)"


def properties(name: str, phase: Phase, *, config: str | None = None) -> dict[str, Any]:
    """The properties of the endpoint's custom resource of this phase."""
    endpoint = f"flights-local-{name}"
    if phase == "Deployed":
        return {"Phase": phase, "EndpointName": endpoint, "EndpointConfigName": config}
    return {
        "Phase": phase,
        "EndpointName": endpoint,
        "VariantName": VARIANT,
        "Shape": {"InstanceType": _INSTANCES[name]},
        "MinCapacity": "1",
        "MaxCapacity": "2",
        "Target": {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{endpoint}/variant/{VARIANT}",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        },
        "Policies": [_backlog(endpoint), _wakes(endpoint)]
        if name == "async"
        else [_tracks(f"{endpoint}-invocations", _INVOCATIONS)],
        "Alarms": [_wake_alarm(endpoint)] if name == "async" else [],
        "Schedules": [
            {
                "ScheduledActionName": f"{endpoint}-never",
                "Schedule": _NEVER,
                "ScalableTargetAction": {"MinCapacity": "1"},
            }
        ],
    }


def former(now: dict[str, Any]) -> dict[str, Any]:
    """What the template asked for before: a policy and a schedule that it does not any more."""
    return {
        **now,
        "MinCapacity": "2",
        "Policies": [*now["Policies"], {"PolicyName": "former"}],
        "Schedules": [*now["Schedules"], {"ScheduledActionName": "former"}],
    }


_INVOCATIONS = {
    "PredefinedMetricSpecification": {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    }
}


def _tracks(name: str, metric: dict[str, Any]) -> dict[str, Any]:
    return {
        "PolicyName": name,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            **metric,
            "TargetValue": "5",
            "ScaleInCooldown": "300",
            "ScaleOutCooldown": "60",
        },
    }


def _backlog(endpoint: str) -> dict[str, Any]:
    metric = {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
        "Statistic": "Average",
    }
    return _tracks(f"{endpoint}-backlog", {"CustomizedMetricSpecification": metric})


def _wakes(endpoint: str) -> dict[str, Any]:
    return {
        "PolicyName": f"{endpoint}-wake-from-zero",
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "Cooldown": "300",
            "MetricAggregationType": "Average",
            "StepAdjustments": [{"MetricIntervalLowerBound": "0", "ScalingAdjustment": "1"}],
        },
    }


def _wake_alarm(endpoint: str) -> dict[str, Any]:
    return {
        "AlarmName": f"{endpoint}-wake-from-zero",
        "PolicyName": f"{endpoint}-wake-from-zero",
        "Namespace": "AWS/SageMaker",
        "MetricName": "HasBacklogWithoutCapacity",
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
        "Statistic": "Average",
        "Period": "60",
        "EvaluationPeriods": "2",
        "DatapointsToAlarm": "2",
        "Threshold": "1",
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "missing",
    }
