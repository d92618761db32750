"""What a state machine's role must be allowed, task by task."""

from typing import Any

import pytest

from local_aws.adapter.arns import sagemaker_arn
from local_aws.adapter.task_permissions import needs

HERE = "us-east-1:222233334444"


@pytest.mark.parametrize(
    ("resource", "parameters", "expected"),
    [
        (
            "lambda:invoke.waitForTaskToken",
            {"FunctionName": "f", "Qualifier": "live"},
            f"lambda:InvokeFunction arn:aws:lambda:{HERE}:function:f:live",
        ),
        (
            "sqs:sendMessage",
            {"QueueUrl": "http://127.0.0.1:1/222233334444/q"},
            f"sqs:SendMessage arn:aws:sqs:{HERE}:q",
        ),
        (
            "events:putEvents",
            {"Entries": [{"Source": "mine"}]},
            f"events:PutEvents arn:aws:events:{HERE}:event-bus/default",
        ),
        (
            "dynamodb:getItem",
            {"TableName": "t"},
            f"dynamodb:GetItem arn:aws:dynamodb:{HERE}:table/t",
        ),
        (
            "states:startExecution",
            {"StateMachineArn": "arn:m"},
            "states:StartExecution arn:m",
        ),
        (
            "sagemaker:createEndpoint",
            {"EndpointName": "Mine"},
            f"sagemaker:CreateEndpoint arn:aws:sagemaker:{HERE}:endpoint/mine",
        ),
    ],
)
def test_one_call_needs_one_action(
    resource: str, parameters: dict[str, Any], expected: str
) -> None:
    (need,) = needs(f"arn:aws:states:::{resource}", parameters)

    assert f"{need.action} {need.resource}" == expected


def test_waiting_for_a_job_needs_the_managed_rule_too() -> None:
    resource = "arn:aws:states:::sagemaker:createTransformJob"
    given = {"TransformJobName": "t"}

    once = {need.action for need in needs(resource, given)}
    waiting = {need.action for need in needs(f"{resource}.sync", given)}

    assert once == {"sagemaker:CreateTransformJob"}
    assert waiting - once == {
        "sagemaker:DescribeTransformJob",
        "sagemaker:StopTransformJob",
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
    }


def test_waiting_for_an_execution_needs_to_watch_and_stop_it() -> None:
    resource = "arn:aws:states:::states:startExecution"
    given = {"StateMachineArn": f"arn:aws:states:{HERE}:stateMachine:m"}

    once = {need.action for need in needs(resource, given)}
    waiting = {need.action: need.resource for need in needs(f"{resource}.sync:2", given)}

    assert once == {"states:StartExecution"}
    assert waiting.keys() - once == {
        "states:DescribeExecution",
        "states:StopExecution",
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
    }
    assert waiting["states:StopExecution"] == f"arn:aws:states:{HERE}:execution:m:*"


@pytest.mark.parametrize(
    ("action", "parameters", "path", "arn"),
    [
        ("DescribeModel", {"ModelName": "M"}, "/", "model/m"),
        ("UpdateModelPackage", {"ModelPackageArn": "arn:p"}, "/", None),
        ("CreateModelPackage", {"ModelPackageGroupName": "g"}, "/", "model-package/g/*"),
        ("StartPipelineExecution", {"PipelineName": "p"}, "/", "pipeline/p"),
        ("", {}, "/endpoints/My-End/invocations", "endpoint/my-end"),
        ("UpdateEndpointWeightsAndCapacities", {"EndpointName": "e"}, "/", "endpoint/e"),
        ("ListEndpoints", {"NameContains": "e"}, "/", "*"),
    ],
)
def test_a_call_is_about_one_resource(
    action: str, parameters: dict[str, Any], path: str, arn: str | None
) -> None:
    whole = {"*": "*", None: "arn:p"}.get(arn, f"arn:aws:sagemaker:{HERE}:{arn}")

    assert sagemaker_arn(action, parameters, path) == whole
