"""The SageMaker SDK v3, boto3's streams and waiters, unchanged against the local SageMaker."""

import json
from typing import Any

import pytest
from support import sagemaker_on_local_aws as local

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def endpoint(trained: Any) -> str:
    sagemaker = trained.aws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="flights")
    package = sagemaker.create_model_package(
        ModelPackageGroupName="flights",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": trained.inference_image, "ModelDataUrl": trained.artifacts}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    sagemaker.create_model(
        ModelName="sdk",
        ExecutionRoleArn=trained.role,
        PrimaryContainer={"ModelPackageName": package},
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName="sdk",
        ProductionVariants=[
            {
                "VariantName": "primary",
                "ModelName": "sdk",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
            }
        ],
    )
    sagemaker.create_endpoint(EndpointName="sdk", EndpointConfigName="sdk")
    local.wait_for(lambda: sagemaker.describe_endpoint(EndpointName="sdk"), "EndpointStatus")
    return "sdk"


@pytest.fixture(scope="module")
def resources(trained: Any) -> Any:
    """sagemaker.core.resources, pointed at the local AWS by the environment alone."""
    patch = pytest.MonkeyPatch()
    for name, value in trained.aws.environment().items():
        patch.setenv(name, value)
    from sagemaker.core import resources

    yield resources
    patch.undo()


def test_the_sdk_waits_for_and_invokes_an_endpoint(endpoint: str, resources: Any) -> None:
    found = resources.Endpoint.get(endpoint_name=endpoint)
    found.wait_for_status("InService", poll=1, timeout=60)
    answer = found.invoke(body=b"3.5,4\n", content_type="text/csv")
    assert json.loads(answer.body.read())["predictions"]


def test_the_sdk_reads_jobs_packages_and_groups(
    endpoint: str, trained: Any, resources: Any
) -> None:
    job = resources.TrainingJob.get(training_job_name="flights")
    assert job.training_job_status == "Completed"
    assert job.model_artifacts.s3_model_artifacts == trained.artifacts
    packages = list(resources.ModelPackage.get_all(model_package_group_name="flights"))
    assert [p.model_approval_status for p in packages] == ["Approved"]
    group = resources.ModelPackageGroup.get(model_package_group_name="flights")
    assert group.model_package_group_status == "Completed"
    assert resources.Model.get(model_name="sdk").execution_role_arn == trained.role


def test_botocores_waiter_and_paginator_work(endpoint: str, trained: Any) -> None:
    sagemaker = trained.aws.client("sagemaker")
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    pages = sagemaker.get_paginator("list_training_jobs").paginate(MaxResults=1)
    assert [j["TrainingJobName"] for page in pages for j in page["TrainingJobSummaries"]] == [
        "flights"
    ]


def test_a_stream_reaches_boto3_in_parts(endpoint: str, trained: Any) -> None:
    """contracts.md 3.1: eventstream of PayloadPart."""
    answer = trained.aws.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
        EndpointName=endpoint, ContentType="text/csv", Body=b"3.5,4\n"
    )
    body = b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"])
    assert json.loads(body)["predictions"]


def test_a_models_error_has_the_members_clients_read(endpoint: str, trained: Any) -> None:
    """contracts.md 2.3."""
    runtime = trained.aws.client("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=b"x,y\n")
    assert caught.value.response["OriginalStatusCode"] == 400
    assert "column distance" in caught.value.response["OriginalMessage"]


def test_an_alarm_of_real_errors_rolls_a_canary_back(endpoint: str, trained: Any) -> None:
    """contracts.md, refusals: an alarm of what callers saw fires during bake."""
    aws = trained.aws
    sagemaker, runtime = aws.client("sagemaker"), aws.client("sagemaker-runtime")
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName="sdk-errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation4XXErrors",
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": "primary"},
        ],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    config = sagemaker.describe_endpoint_config(EndpointConfigName="sdk")
    sagemaker.create_endpoint_config(
        EndpointConfigName="sdk-2", ProductionVariants=config["ProductionVariants"]
    )
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": 1800,
    }
    sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName="sdk-2",
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "sdk-errors"}]},
        },
    )
    # Callers go on sending bad rows, so the alarm still fires when the new fleet bakes.
    while (after := sagemaker.describe_endpoint(EndpointName=endpoint))[
        "EndpointStatus"
    ] == "Updating":
        with pytest.raises(runtime.exceptions.ModelError):
            runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=b"x,y\n")
    after = local.wait_for(
        lambda: sagemaker.describe_endpoint(EndpointName=endpoint), "EndpointStatus"
    )
    assert after["EndpointConfigName"] == "sdk"
    assert "sdk-errors" in after["FailureReason"]
