"""Batch transform, and SageMaker as a state machine sees it, on a real server."""

import json
from typing import Any

import pytest
from support import sagemaker_on_local_aws as local

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def model(trained: Any) -> str:
    trained.aws.client("sagemaker").create_model(
        ModelName="batch",
        ExecutionRoleArn=trained.role,
        PrimaryContainer={"Image": trained.inference_image, "ModelDataUrl": trained.artifacts},
    )
    trained.aws.client("s3").put_object(
        Bucket="flights", Key="batch/in/rows.csv", Body=b"1.5,2\n12.25,3\n"
    )
    return "batch"


def _transform(name: str, model: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://flights/batch/in/"}
    return {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://flights/batch/out/{name}/",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }


def test_a_transform_job_answers_every_row(trained: Any, model: str) -> None:
    sagemaker, s3 = trained.aws.client("sagemaker"), trained.aws.client("s3")
    sagemaker.create_transform_job(**_transform("rows", model))
    job = local.wait_for(
        lambda: sagemaker.describe_transform_job(TransformJobName="rows"), "TransformJobStatus"
    )
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert job["TransformEndTime"] >= job["TransformStartTime"]
    found = s3.list_objects_v2(Bucket="flights", Prefix="batch/out/rows/")["Contents"]
    body = s3.get_object(Bucket="flights", Key=found[0]["Key"])["Body"].read().decode()
    assert [line.split(",")[0] for line in body.splitlines()] == ["0", "1"]


def test_a_state_machine_waits_for_its_job_and_reads_the_answer(trained: Any, model: str) -> None:
    """contracts.md 12.2: `.sync` and its role; the role may start and watch this job only."""
    aws = trained.aws
    definition = {
        "StartAt": "Transform",
        "States": {
            "Transform": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync",
                "Parameters": _transform("machine", model),
                "ResultSelector": {"status.$": "$.TransformJobStatus"},
                "End": True,
            }
        },
    }
    jobs = "arn:aws:sagemaker:us-east-1:222233334444:transform-job/*"
    rules = "arn:aws:events:us-east-1:222233334444:rule/StepFunctionsGetEventsForSageMaker*"
    allowed = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "sagemaker:CreateTransformJob",
                    "sagemaker:DescribeTransformJob",
                    "sagemaker:StopTransformJob",
                ],
                "Resource": jobs,
            },
            {"Effect": "Allow", "Action": "sagemaker:ListTags", "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
                "Resource": rules,
            },
        ],
    }
    role = local.role(aws, "machine", allowed, service="states.amazonaws.com")
    states = aws.client("stepfunctions")
    machine = states.create_state_machine(
        name="transform", definition=json.dumps(definition), roleArn=role
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]

    def describe() -> dict[str, Any]:
        found: dict[str, Any] = states.describe_execution(executionArn=execution)
        return found | {"State": "Running" if found["status"] == "RUNNING" else found["status"]}

    # wait_for takes what ends in -ing for unfinished, as SageMaker's own statuses do
    ended = local.wait_for(describe, "State")
    assert ended["State"] == "SUCCEEDED", ended.get("cause")
    assert json.loads(ended["output"]) == {"status": "Completed"}
