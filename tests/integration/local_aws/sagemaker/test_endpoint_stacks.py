"""Endpoints as CloudFormation stacks on a real server, with real containers."""

import json
from typing import Any

import pytest
from support import sagemaker_on_local_aws as local

pytestmark = pytest.mark.timeout(180)
CSV = b"3.5,4\n"


def _template(trained: Any, artifacts: str, **config: Any) -> str:
    return json.dumps(
        {
            "Resources": {
                "Model": {
                    "Type": "AWS::SageMaker::Model",
                    "Properties": {
                        "ExecutionRoleArn": trained.role,
                        "PrimaryContainer": {
                            "Image": trained.inference_image,
                            "ModelDataUrl": artifacts,
                        },
                    },
                },
                "Config": {
                    "Type": "AWS::SageMaker::EndpointConfig",
                    "Properties": {
                        "ProductionVariants": [
                            {
                                "VariantName": "primary",
                                "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                                "InitialInstanceCount": 1,
                                "InstanceType": "ml.m5.large",
                                "InitialVariantWeight": 1,
                            }
                        ],
                        **config,
                    },
                },
                "Endpoint": {
                    "Type": "AWS::SageMaker::Endpoint",
                    "Properties": {
                        "EndpointName": {"Ref": "AWS::StackName"},
                        "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                        "RetainAllVariantProperties": True,
                    },
                },
            },
            "Outputs": {"Arn": {"Value": {"Ref": "Endpoint"}}},
        }
    )


def _settled(trained: Any, stack: str) -> dict[str, Any]:
    cloudformation = trained.aws.client("cloudformation")

    def describe() -> dict[str, Any]:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        busy = found["StackStatus"].endswith("IN_PROGRESS")
        return found | {"Busy": "Working" if busy else "done"}

    return local.wait_for(describe, "Busy", seconds=120)


def _invoke(trained: Any, endpoint: str) -> dict[str, Any]:
    runtime = trained.aws.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=CSV)
    assert answer["InvokedProductionVariant"] == "primary"
    prediction: dict[str, Any] = json.loads(answer["Body"].read())["predictions"][0]
    return prediction


def test_a_stack_serves_survives_a_bad_model_and_leaves_nothing(trained: Any) -> None:
    """contracts.md, refusals: a container that never answers rolls the stack back."""
    cloudformation = trained.aws.client("cloudformation")
    good = _template(trained, trained.artifacts)
    cloudformation.create_stack(StackName="real-time", TemplateBody=good)
    created = _settled(trained, "real-time")
    assert created["StackStatus"] == "CREATE_COMPLETE"
    assert created["Outputs"][0]["OutputValue"].endswith(":endpoint/real-time")
    before = _invoke(trained, "real-time")
    assert set(before) == {"label", "probabilities"}
    sagemaker = trained.aws.client("sagemaker")
    first = sagemaker.describe_endpoint(EndpointName="real-time")["EndpointConfigName"]

    trained.aws.client("s3").put_object(
        Bucket="flights", Key="bad/model.tar.gz", Body=b"no archive"
    )
    bad = _template(trained, "s3://flights/bad/model.tar.gz")
    cloudformation.update_stack(StackName="real-time", TemplateBody=bad)
    assert _settled(trained, "real-time")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    endpoint = sagemaker.describe_endpoint(EndpointName="real-time")
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", first)
    assert endpoint["FailureReason"]
    events = cloudformation.describe_stack_events(StackName="real-time")["StackEvents"]
    reasons = [e.get("ResourceStatusReason", "") for e in events]
    assert any(endpoint["FailureReason"] in reason for reason in reasons)
    assert _invoke(trained, "real-time") == before
    assert len(sagemaker.list_models()["Models"]) == 1

    cloudformation.delete_stack(StackName="real-time")
    local.wait_for(
        lambda: {"Left": "Deleting" if sagemaker.list_endpoints()["Endpoints"] else "gone"}, "Left"
    )
    local.wait_for(
        lambda: {"Left": "Deleting" if sagemaker.list_models()["Models"] else "gone"}, "Left"
    )
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []


def test_an_asynchronous_endpoint_writes_its_answer(trained: Any) -> None:
    """contracts.md 5: 202, then the object at OutputLocation."""
    output = {"OutputConfig": {"S3OutputPath": "s3://flights/async/"}}
    template = _template(trained, trained.artifacts, AsyncInferenceConfig=output)
    trained.aws.client("cloudformation").create_stack(StackName="later", TemplateBody=template)
    assert _settled(trained, "later")["StackStatus"] == "CREATE_COMPLETE"
    s3 = trained.aws.client("s3")
    s3.put_object(Bucket="flights", Key="in/one.csv", Body=CSV)
    answer = trained.aws.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName="later", ContentType="text/csv", InputLocation="s3://flights/in/one.csv"
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    key = answer["OutputLocation"].removeprefix("s3://flights/")

    def written() -> dict[str, str]:
        found = s3.list_objects_v2(Bucket="flights", Prefix=key).get("Contents")
        return {"Status": "there" if found else "Waiting"}

    local.wait_for(written, "Status", seconds=30)
    body = s3.get_object(Bucket="flights", Key=key)["Body"].read()
    assert json.loads(body)["predictions"]


def test_a_role_without_the_right_may_not_invoke(trained: Any) -> None:
    """contracts.md 13.3: IAM enforced at the door, on the endpoint's ARN."""
    arn = "arn:aws:sagemaker:us-east-1:222233334444:endpoint/later"
    allowed = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sagemaker:DescribeEndpoint", "Resource": arn}],
    }
    caller = trained.aws.as_role(local.role(trained.aws, "reader", allowed))
    assert caller.client("sagemaker").describe_endpoint(EndpointName="later")
    with pytest.raises(Exception, match="AccessDenied"):
        caller.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName="later", InputLocation="s3://flights/in/one.csv"
        )
