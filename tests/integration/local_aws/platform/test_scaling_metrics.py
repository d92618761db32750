"""The metrics a target tracking policy follows: high resolution ones, and one's own."""

from typing import Any

import pytest
from support.local_aws_server import LocalAws
from support.policies import wait_for


def target(endpoint: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/primary",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


@pytest.fixture
def scaling(aws: LocalAws) -> Any:
    return aws.client("application-autoscaling")


@pytest.fixture
def endpoint(aws: LocalAws, name: str) -> str:
    aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
    return name


def test_a_high_resolution_metric_scales_in_as_reluctantly_as_any(
    aws: LocalAws, scaling: Any, endpoint: str
) -> None:
    """contracts 3.5: a 10-second metric; what shrinks an endpoint is a quarter of an hour."""
    metric = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=4)
    put = scaling.put_scaling_policy(
        **target(endpoint),
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        },
    )
    names = [alarm["AlarmName"] for alarm in put["Alarms"]]
    alarms = aws.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert {alarm["MetricName"] for alarm in alarms} == {"ConcurrentRequestsPerModel"}
    assert {alarm["Period"] for alarm in alarms} == {10}
    (low,) = (a for a in alarms if "AlarmLow" in a["AlarmName"])
    assert low["Period"] * low["EvaluationPeriods"] == 900


def test_tracks_a_metric_of_ones_own(aws: LocalAws, scaling: Any, endpoint: str) -> None:
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=4)
    scaling.put_scaling_policy(
        **target(endpoint),
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 10.0,
            "CustomizedMetricSpecification": {
                "Namespace": "shop",
                "MetricName": "waiting",
                "Dimensions": [{"Name": "queue", "Value": endpoint}],
                "Statistic": "Average",
            },
        },
    )
    aws.client("cloudwatch").put_metric_data(
        Namespace="shop",
        MetricData=[
            {
                "MetricName": "waiting",
                "Dimensions": [{"Name": "queue", "Value": endpoint}],
                "Value": 30.0,
            }
        ],
    )
    (activity,) = wait_for(
        lambda: scaling.describe_scaling_activities(**target(endpoint))["ScalingActivities"], bool
    )
    assert activity["Description"] == "Setting desired capacity to 3."
