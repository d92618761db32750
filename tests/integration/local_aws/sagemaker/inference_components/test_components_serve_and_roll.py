"""Inference components with real containers: served, rolled under load, rolled back."""

import dataclasses

import pytest
from botocore.exceptions import ClientError
from support import sagemaker_on_local_aws as local
from support.inference_components import Host, eventually
from support.load import constant_load

pytestmark = pytest.mark.timeout(180)
NEVER_WELL = "raise RuntimeError('no model {name}')\n"


def test_two_models_share_an_endpoint_and_each_answers_for_itself(host: Host) -> None:
    """contracts 3.4: components share the instances; managed scaling adds what is missing."""
    host.endpoint("shared", least=1, most=2)
    first = host.component("first", "shared", host.artifact("one"), memory=10240)
    assert first["InferenceComponentStatus"] == "InService", first
    assert host.instances("shared") == 1
    second = host.component("second", "shared", host.artifact("two"), memory=10240)
    assert second["InferenceComponentStatus"] == "InService", second
    assert host.instances("shared") == 2
    assert host.ask("shared", "first") == "one"
    assert host.ask("shared", "second") == "two"

    crowded = host.component("third", "shared", host.artifact("three"), memory=10240)
    assert crowded["InferenceComponentStatus"] == "Failed"
    assert crowded["FailureReason"] == (
        "There is not enough hardware resources on the instances for this endpoint to create a "
        "copy of the inference component."
    )


def test_streams_the_answer_of_a_component(host: Host) -> None:
    """botocore: InvokeEndpointWithResponseStream takes InferenceComponentName."""
    answer = host.aws.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
        EndpointName="shared", InferenceComponentName="first", ContentType="text/csv", Body=b"1"
    )
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert b"".join(parts) == b"one"


def test_logs_go_to_the_group_of_the_component(host: Host) -> None:
    """contracts 3.4: /aws/sagemaker/InferenceComponents/<name>."""
    logs = host.aws.client("logs")

    def groups() -> set[str]:
        found = logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/")["logGroups"]
        return {group["logGroupName"] for group in found}

    eventually(lambda: "/aws/sagemaker/InferenceComponents/first" in groups(), "a log group")


def test_a_rolling_update_under_load_loses_nothing_and_a_bad_one_comes_back(host: Host) -> None:
    """contracts 3.4: DeploymentConfig.RollingUpdatePolicy."""
    sagemaker = host.aws.client("sagemaker")
    host.endpoint("rolled", least=1, most=3)
    host.component("model", "rolled", host.artifact("old"), copies=2)
    policy = {
        "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 60,
    }
    bad = host.artifact("bad", script=NEVER_WELL)
    header = {"X-Amzn-SageMaker-Inference-Component": "model"}
    with constant_load("rolled", server=host.aws, body=b"1", rate=25, headers=header) as load:
        for artifact in (host.artifact("new"), bad):
            sagemaker.update_inference_component(
                InferenceComponentName="model",
                Specification=host.specification(artifact),
                DeploymentConfig={"RollingUpdatePolicy": policy},
            )
            described = host.settled("model")
            assert described["InferenceComponentStatus"] == "InService"
            assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}
            assert ("FailureReason" in described) == (artifact == bad)
    assert load.report.failed == []
    assert set(load.report.by_answer) == {"old", "new"}
    assert described["Specification"]["Container"]["ArtifactUrl"].endswith("new/model.tar.gz")
    assert host.ask("rolled", "model") == "new"


@pytest.mark.matrix
def test_an_endpoint_moves_to_another_instance_type_with_its_components(host: Host) -> None:
    """Not documented by the service: what is local here is only that nothing is lost."""
    sagemaker = host.aws.client("sagemaker")
    host.endpoint("moved", least=1, most=1)
    host.component("mover", "moved", host.artifact("here"), copies=2)
    host.config("larger", least=1, most=1, instance="ml.m5.2xlarge")
    header = {"X-Amzn-SageMaker-Inference-Component": "mover"}
    with constant_load("moved", server=host.aws, body=b"1", rate=50, headers=header) as load:
        sagemaker.update_endpoint(EndpointName="moved", EndpointConfigName="larger")
        eventually(
            lambda: (
                sagemaker.describe_endpoint(EndpointName="moved")["EndpointStatus"] == "InService"
            ),
            "the update",
        )
    assert load.report.failed == []
    assert load.report.succeeded
    described = sagemaker.describe_endpoint(EndpointName="moved")
    assert described["EndpointConfigName"] == "larger"
    assert host.copies("mover") == 2


def test_a_component_grows_with_the_requests_it_works_on_at_once(host: Host) -> None:
    """contracts 3.5: SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution."""
    host.endpoint("busy", least=1, most=1)
    host.component("slow", "busy", host.artifact("slow"))
    scaling = host.aws.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "inference-component/slow",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    metric = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
    scaling.put_scaling_policy(
        **target,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            "TargetValue": 1.0,
        },
    )
    header = {"X-Amzn-SageMaker-Inference-Component": "slow"}
    with constant_load("busy", server=host.aws, body=b"slow", rate=8, headers=header) as load:
        eventually(lambda: host.copies("slow") == 2, "growing to two copies")
    assert load.report.failed == []


def test_a_caller_needs_the_endpoint_and_the_component(host: Host) -> None:
    """contracts 13.3: InvokeEndpoint is asked of both ARNs."""
    endpoint = "arn:aws:sagemaker:us-east-1:222233334444:endpoint/rolled"
    component = host.describe("model")["InferenceComponentArn"]

    def ask(name: str, *resources: str) -> str:
        statement = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint"}
        policy = {"Version": "2012-10-17", "Statement": [statement | {"Resource": resources}]}
        role = local.role(host.aws, name, policy)
        return dataclasses.replace(host, aws=host.aws.as_role(role)).ask("rolled", "model")

    assert ask("both", endpoint, component) == "new"
    with pytest.raises(ClientError, match=r"AccessDenied.*inference-component/model"):
        ask("endpoint-only", endpoint)
    with pytest.raises(ClientError, match=r"AccessDenied.*endpoint/rolled"):
        ask("component-only", component)


def test_only_a_caller_allowed_to_sees_a_component(host: Host) -> None:
    """contracts 13.3: IAM is asked about the component's ARN."""
    arn = host.describe("model")["InferenceComponentArn"]
    statement = {
        "Effect": "Allow",
        "Action": "sagemaker:DescribeInferenceComponent",
        "Resource": arn,
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    caller = host.aws.as_role(local.role(host.aws, "looker", policy)).client("sagemaker")
    assert caller.describe_inference_component(InferenceComponentName="model")
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.delete_inference_component(InferenceComponentName="model")
