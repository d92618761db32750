"""What capacity follows becomes the policy that Application Auto Scaling is asked for."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from support.templates import resources

from sagemaker_workflow.autoscaling import Metric, Schedule
from sagemaker_workflow.endpoints import RealtimeEndpoint, Scaling
from sagemaker_workflow.model import Model

GPU = Metric(
    namespace="/aws/sagemaker/Endpoints",
    name="GPUUtilization",
    dimensions={"EndpointName": "churn", "VariantName": "primary"},
    unit="Percent",
)


def asked(stack: Stack, model: Model, scaling: Scaling) -> dict[str, Any]:
    """What both phases ask for, which is the same."""
    RealtimeEndpoint(stack, "Churn", model=model, name="churn", scaling=scaling)
    found = resources(stack, "Custom::EndpointScaling").values()
    first, second = [
        {key: one["Properties"].get(key) for key in ("Target", "Policies", "Alarms", "Schedules")}
        for one in found
    ]
    assert first == second
    return first


def policy(stack: Stack, model: Model, scaling: Scaling) -> dict[str, Any]:
    [only] = asked(stack, model, scaling)["Policies"]
    assert only["PolicyType"] == "TargetTrackingScaling"
    return {"name": only["PolicyName"], **only["TargetTrackingScalingPolicyConfiguration"]}


def test_concurrency_is_tracked_at_ten_seconds_resolution(stack: Stack, model: Model) -> None:
    """Contracts 3.5."""
    found = policy(stack, model, Scaling(follows="concurrency", target=4))
    assert found == {
        "name": "churn-concurrency",
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"
        },
        "TargetValue": 4,
        "ScaleInCooldown": 300,
        "ScaleOutCooldown": 60,
    }


def test_a_metric_of_ones_own_is_tracked_under_its_dimensions(stack: Stack, model: Model) -> None:
    found = policy(stack, model, Scaling(follows=GPU, target=60, scale_out_cooldown_seconds=10))
    assert found == {
        "name": "churn-metric",
        "CustomizedMetricSpecification": {
            "Namespace": "/aws/sagemaker/Endpoints",
            "MetricName": "GPUUtilization",
            "Dimensions": [
                {"Name": "EndpointName", "Value": "churn"},
                {"Name": "VariantName", "Value": "primary"},
            ],
            "Statistic": "Average",
            "Unit": "Percent",
        },
        "TargetValue": 60,
        "ScaleInCooldown": 300,
        "ScaleOutCooldown": 10,
    }


def test_a_schedule_moves_the_bounds_in_its_time_zone(stack: Stack, model: Model) -> None:
    night = Schedule(
        at="cron(0 20 ? * MON-FRI *)", min_capacity=1, max_capacity=1, timezone="Europe/Berlin"
    )
    found = asked(stack, model, Scaling(schedules={"night": night}))
    assert found["Schedules"] == [
        {
            "ScheduledActionName": "churn-night",
            "Schedule": "cron(0 20 ? * MON-FRI *)",
            "Timezone": "Europe/Berlin",
            "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 1},
        }
    ]
