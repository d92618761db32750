"""Components deployed by the real CDK CLI, scaled to zero and back by what their traffic was."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support import cdk_cli
from support.inference_components import Host, eventually
from support.local_aws_server import LocalAws

pytestmark = pytest.mark.timeout(240)
STACK = ENDPOINT = "components"
FIRST, SECOND = "components-first", "components-second"
FIRST_TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"inference-component/{FIRST}",
    "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
}
NO_CAPACITY = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be "
    "in-progress (if configured) or try to increase the capacity by invoking "
    "UpdateInferenceComponentRuntimeConfig API."
)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A server where a quarter of an hour takes six seconds."""
    with LocalAws.started(tmp_path_factory.mktemp("quick"), time_factor=150) as aws:
        yield Host.on(aws)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app")


def test_the_cdk_cli_deploys_two_components_on_one_endpoint(quick: Host, folder: Path) -> None:
    done = cdk_cli.cdk(
        quick.aws,
        folder,
        *("deploy", "--require-approval", "never", "--output", "cdk.out"),
        *("--app", cdk_cli.app(Path(__file__).parent / "app.py")),
        *("--parameters", f"FirstArtifact={quick.artifact('one')}"),
        *("--parameters", f"SecondArtifact={quick.artifact('two')}"),
        environment={"ROLE": quick.role, "IMAGE": quick.image},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert quick.ask(ENDPOINT, FIRST) == "one"
    assert quick.ask(ENDPOINT, SECOND) == "two"


def test_a_stack_updates_a_component_in_place_and_rolls_back(quick: Host) -> None:
    """CloudFormation resource schema AWS::SageMaker::InferenceComponent: nothing replaces it."""
    made = quick.describe(FIRST)["CreationTime"]
    bad = quick.artifact("bad", script="raise RuntimeError('no model {name}')\n")
    assert _updated(quick, bad) == "UPDATE_ROLLBACK_COMPLETE"
    assert quick.ask(ENDPOINT, FIRST) == "one"
    assert _updated(quick, quick.artifact("three")) == "UPDATE_COMPLETE"
    assert quick.ask(ENDPOINT, FIRST) == "three"
    assert quick.describe(FIRST)["CreationTime"] == made


def test_an_idle_component_goes_to_zero_and_the_first_request_wakes_it(quick: Host) -> None:
    """contracts 3.5: target tracking to zero, a step policy and an alarm back."""
    _scale_to_zero(quick)
    quick.aws.client("sagemaker").delete_inference_component(InferenceComponentName=SECOND)
    eventually(lambda: quick.copies(FIRST) == 0, "scaling to zero copies")
    eventually(lambda: quick.instances(ENDPOINT) == 0, "scaling to zero instances")

    with pytest.raises(ClientError) as caught:
        quick.ask(ENDPOINT, FIRST)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert caught.value.response["Error"]["Message"] == NO_CAPACITY

    def woken() -> bool:
        try:
            return quick.ask(ENDPOINT, FIRST) == "three"
        except quick.aws.client("sagemaker-runtime").exceptions.ValidationError:
            return False

    eventually(woken, "waking up")
    assert quick.instances(ENDPOINT) == 1
    activities = quick.aws.client("application-autoscaling").describe_scaling_activities(
        **FIRST_TARGET
    )["ScalingActivities"]
    causes = [activity["Cause"] for activity in activities]
    assert any("AlarmLow" in cause and "triggered policy track" in cause for cause in causes)
    assert any("triggered policy wake" in cause for cause in causes)


def test_deleting_the_stack_leaves_nothing(quick: Host) -> None:
    """Components go before their endpoint, by the references of the template."""
    quick.aws.client("cloudformation").delete_stack(StackName=STACK)
    sagemaker = quick.aws.client("sagemaker")
    eventually(lambda: not sagemaker.list_endpoint_configs()["EndpointConfigs"], "the deletion")
    assert sagemaker.list_inference_components()["InferenceComponents"] == []
    assert sagemaker.list_endpoints()["Endpoints"] == []


def _updated(host: Host, artifact: str) -> str:
    """The stack's status after an update of the first component's artifact."""
    cloudformation = host.aws.client("cloudformation")
    cloudformation.update_stack(
        StackName=STACK,
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "FirstArtifact", "ParameterValue": artifact},
            {"ParameterKey": "SecondArtifact", "UsePreviousValue": True},
        ],
    )

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])

    eventually(lambda: not status().endswith("IN_PROGRESS"), "the update")
    return status()


def _scale_to_zero(host: Host) -> None:
    scaling: Any = host.aws.client("application-autoscaling")
    scaling.register_scalable_target(**FIRST_TARGET, MinCapacity=0, MaxCapacity=2)
    metric = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
    scaling.put_scaling_policy(
        **FIRST_TARGET,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            "TargetValue": 5.0,
            "ScaleInCooldown": 300,
        },
    )
    step = scaling.put_scaling_policy(
        **FIRST_TARGET,
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Maximum",
            "Cooldown": 60,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    host.aws.client("cloudwatch").put_metric_alarm(
        AlarmName="wake",
        Namespace="AWS/SageMaker",
        MetricName="NoCapacityInvocationFailures",
        Dimensions=[{"Name": "InferenceComponentName", "Value": FIRST}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        DatapointsToAlarm=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[step["PolicyARN"]],
    )
