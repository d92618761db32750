"""Application Auto Scaling for SageMaker: what it registers, and above all what it refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.local_aws_server import LocalAws
from support.policies import wait_for

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
INVOCATIONS = {
    "TargetValue": 70.0,
    "PredefinedMetricSpecification": {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    },
}


def target(endpoint: str, dimension: str = INSTANCES) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/primary",
        "ScalableDimension": dimension,
    }


@pytest.fixture
def scaling(aws: LocalAws) -> Any:
    return aws.client("application-autoscaling")


@pytest.fixture
def endpoint(aws: LocalAws, name: str) -> str:
    aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
    return name


@pytest.fixture
def refused(scaling: Any) -> Callable[..., str]:
    """Call an operation that must be refused; `Code: message`."""

    def call(operation: str, **request: Any) -> str:
        with pytest.raises(ClientError) as caught:
            getattr(scaling, operation)(**request)
        error = caught.value.response["Error"]
        return f"{error['Code']}: {error['Message']}"

    return call


def test_brings_an_endpoint_within_its_new_bounds(
    aws: LocalAws, scaling: Any, endpoint: str
) -> None:
    arn = scaling.register_scalable_target(**target(endpoint), MinCapacity=2, MaxCapacity=4)

    (variant,) = aws.client("sagemaker").describe_endpoint(EndpointName=endpoint)[
        "ProductionVariants"
    ]
    (activity,) = scaling.describe_scaling_activities(**target(endpoint))["ScalingActivities"]
    assert ":scalable-target/" in arn["ScalableTargetARN"]
    assert variant["DesiredInstanceCount"] == 2
    assert activity["StatusCode"] == "Successful"


def test_registering_again_changes_only_what_is_given(scaling: Any, endpoint: str) -> None:
    first = scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=4)
    again = scaling.register_scalable_target(**target(endpoint), MaxCapacity=6)

    (shown,) = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[target(endpoint)["ResourceId"]]
    )["ScalableTargets"]
    assert again["ScalableTargetARN"] == first["ScalableTargetARN"]
    assert (shown["MinCapacity"], shown["MaxCapacity"]) == (1, 6)


def test_keeps_alarms_for_target_tracking_until_the_policy_goes(
    aws: LocalAws, scaling: Any, endpoint: str
) -> None:
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=4)
    put = scaling.put_scaling_policy(
        **target(endpoint),
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=INVOCATIONS,
    )
    names = [alarm["AlarmName"] for alarm in put["Alarms"]]
    cloudwatch = aws.client("cloudwatch")
    alarms = cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert {alarm["Threshold"] for alarm in alarms} == {70.0, 63.0}
    assert all(alarm["AlarmActions"] == [put["PolicyARN"]] for alarm in alarms)

    scaling.deregister_scalable_target(**target(endpoint))

    assert cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] == []
    assert scaling.describe_scaling_policies(**target(endpoint))["ScalingPolicies"] == []


def test_grows_with_its_traffic_up_to_the_maximum(
    aws: LocalAws, scaling: Any, endpoint: str
) -> None:
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=3)
    scaling.put_scaling_policy(
        **target(endpoint),
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        # A single invocation asks for more than the maximum, however few are seen at once.
        TargetTrackingScalingPolicyConfiguration={**INVOCATIONS, "TargetValue": 0.1},
    )

    for _ in range(30):
        aws.client("sagemaker-runtime").invoke_endpoint(EndpointName=endpoint, Body=b"x")

    (activity,) = wait_for(
        lambda: scaling.describe_scaling_activities(**target(endpoint))["ScalingActivities"], bool
    )
    assert activity["Description"] == "Setting desired capacity to 3."
    assert "AlarmHigh" in activity["Cause"]


def test_grows_out_of_nothing_by_the_step_its_alarm_triggers(
    aws: LocalAws, scaling: Any, endpoint: str
) -> None:
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=9)
    step = scaling.put_scaling_policy(
        **target(endpoint),
        PolicyName="step",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "Cooldown": 600,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 2}],
        },
    )
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=endpoint,
        Namespace="AWS/SageMaker",
        MetricName="InvocationsPerInstance",
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": "primary"},
        ],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[step["PolicyARN"]],
    )

    aws.client("sagemaker-runtime").invoke_endpoint(EndpointName=endpoint, Body=b"x")

    (activity,) = wait_for(
        lambda: scaling.describe_scaling_activities(**target(endpoint))["ScalingActivities"], bool
    )
    assert activity["Description"] == "Setting desired capacity to 3."


def test_refuses_bounds_that_make_no_sense(refused: Callable[..., str], endpoint: str) -> None:
    said = refused("register_scalable_target", **target(endpoint), MinCapacity=3, MaxCapacity=2)

    assert said == ("ValidationException: Maximum capacity cannot be less than minimum capacity")


def test_refuses_zero_instances_of_a_real_time_endpoint(
    refused: Callable[..., str], endpoint: str
) -> None:
    said = refused("register_scalable_target", **target(endpoint), MinCapacity=0, MaxCapacity=2)

    assert "Minimum capacity must be 1 or more" in said


@pytest.mark.parametrize(
    ("kind", "dimension", "reason"),
    [
        ("serverless", INSTANCES, "is serverless: it has no instances to scale"),
        ("serverless", CONCURRENCY, "has no provisioned concurrency"),
        ("burst", INSTANCES, "not supported for ml.t2.medium"),
        ("plain", "sagemaker:inference-component:DesiredCopyCount", "Unsupported service"),
    ],
)
def test_refuses_what_cannot_scale(
    aws: LocalAws, refused: Callable[..., str], name: str, kind: str, dimension: str, reason: str
) -> None:
    made = f"{kind}-{name}"
    aws.client("sagemaker").create_endpoint(EndpointName=made, EndpointConfigName=made)

    said = refused(
        "register_scalable_target", **target(made, dimension), MinCapacity=1, MaxCapacity=2
    )

    assert reason in said


def test_refuses_an_endpoint_that_does_not_exist(refused: Callable[..., str], name: str) -> None:
    said = refused("register_scalable_target", **target(name), MinCapacity=1, MaxCapacity=2)

    assert f"No endpoint/{name}/variant/primary to scale" in said


def test_refuses_a_policy_for_nothing_registered(
    refused: Callable[..., str], endpoint: str
) -> None:
    said = refused(
        "put_scaling_policy",
        **target(endpoint),
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=INVOCATIONS,
    )

    assert said.startswith("ObjectNotFoundException: No scalable target registered for")


def test_refuses_the_metric_of_another_dimension(
    scaling: Any, refused: Callable[..., str], endpoint: str
) -> None:
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=4)
    metric = "SageMakerVariantProvisionedConcurrencyUtilization"

    said = refused(
        "put_scaling_policy",
        **target(endpoint),
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.7,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        },
    )

    assert f"Predefined metric type {metric} is not supported" in said


def test_refuses_two_policies_on_one_metric(
    scaling: Any, refused: Callable[..., str], endpoint: str
) -> None:
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=4)
    policy = {
        **target(endpoint),
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": INVOCATIONS,
    }
    scaling.put_scaling_policy(PolicyName="one", **policy)

    said = refused("put_scaling_policy", PolicyName="two", **policy)

    assert "Only one TargetTrackingScaling policy" in said


def test_refuses_steps_with_a_gap(scaling: Any, refused: Callable[..., str], endpoint: str) -> None:
    scaling.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=4)

    said = refused(
        "put_scaling_policy",
        **target(endpoint),
        PolicyName="step",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [
                {
                    "MetricIntervalLowerBound": 0.0,
                    "MetricIntervalUpperBound": 1.0,
                    "ScalingAdjustment": 1,
                },
                {"MetricIntervalLowerBound": 2.0, "ScalingAdjustment": 2},
            ],
        },
    )

    assert "no gap" in said


def test_a_stack_registers_and_deregisters(aws: LocalAws, scaling: Any, endpoint: str) -> None:
    resources = {
        "Target": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {**target(endpoint), "MinCapacity": "1", "MaxCapacity": 3},
        },
        "Policy": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "track",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": {"Ref": "Target"},
                "TargetTrackingScalingPolicyConfiguration": {**INVOCATIONS, "TargetValue": "70"},
            },
        },
    }
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=endpoint, TemplateBody=json.dumps({"Resources": resources})
    )
    wait_for(
        lambda: cloudformation.describe_stacks(StackName=endpoint)["Stacks"][0]["StackStatus"],
        lambda status: status == "CREATE_COMPLETE",
    )
    assert len(scaling.describe_scaling_policies(**target(endpoint))["ScalingPolicies"]) == 1

    cloudformation.delete_stack(StackName=endpoint)

    wait_for(
        lambda: scaling.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[target(endpoint)["ResourceId"]]
        )["ScalableTargets"],
        lambda targets: targets == [],
    )
