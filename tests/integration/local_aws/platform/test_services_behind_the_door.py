"""Registered services are routed, authorized and answered as AWS's own, and so are their types."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.local_aws_server import ACCOUNT, REGION, LocalAws
from support.policies import allow, wait_for

MakeRole = Callable[..., str]


def template(**properties: Any) -> str:
    return json.dumps({"Resources": {"Thing": model(**properties)}})


def model(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SageMaker::Model", "Properties": properties}


def settled(aws: LocalAws, stack: str) -> str:
    def status() -> str:
        (found,) = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return str(found["StackStatus"])

    return str(wait_for(status, lambda seen: not seen.endswith("_IN_PROGRESS")))


def test_a_json_answer_keeps_its_content_type(aws: LocalAws, name: str) -> None:
    aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)

    answer = aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, Body=b'{"a": 1}', ContentType="application/json"
    )

    assert answer["ContentType"] == "application/json"
    assert answer["Body"].read() == b'{"a": 1}'


def test_denies_what_a_role_is_not_allowed_and_names_it(
    aws: LocalAws, make_role: MakeRole, name: str
) -> None:
    endpoint = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}"
    role = make_role(allow("sagemaker:InvokeEndpoint", endpoint), trusts="ec2.amazonaws.com")
    runtime = aws.as_role(role).client("sagemaker-runtime")

    runtime.invoke_endpoint(EndpointName=name, Body=b"x")
    with pytest.raises(ClientError) as denied:
        runtime.invoke_endpoint(EndpointName=f"{name}-other", Body=b"x")

    assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
    assert f"sagemaker:InvokeEndpoint on resource: {endpoint}-other" in str(denied.value)


def test_denies_handing_over_a_role_that_may_not_be_passed(
    aws: LocalAws, make_role: MakeRole, name: str
) -> None:
    executes = make_role(trusts="sagemaker.amazonaws.com")
    may_create = allow("sagemaker:CreateModel")
    may_pass = allow(
        "iam:PassRole",
        executes,
        Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    )
    request = {"ModelName": name, "ExecutionRoleArn": executes}

    aws.as_role(make_role(may_create, may_pass)).client("sagemaker").create_model(**request)
    with pytest.raises(ClientError, match="is not authorized to perform: iam:PassRole"):
        aws.as_role(make_role(may_create)).client("sagemaker").create_model(**request)


def test_refuses_credentials_nobody_was_given(aws: LocalAws) -> None:
    stranger = LocalAws(
        port=aws.port, state=aws.state, process=aws.process, access_key="AKIAEXAMPLEEXAMPLE00"
    )

    with pytest.raises(ClientError, match="security token included in the request is invalid"):
        stranger.client("sagemaker").list_endpoints()


def test_a_slow_resource_leaves_the_server_answering(aws: LocalAws, name: str) -> None:
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=template(ModelName=name, Seconds="6"))

    aws.client("sts").get_caller_identity()
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_IN_PROGRESS"

    assert settled(aws, name) == "CREATE_COMPLETE"


def test_a_failing_resource_rolls_its_stack_back_with_its_words(aws: LocalAws, name: str) -> None:
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=template(ModelName=name, Fail="yes"))

    assert settled(aws, name) == "ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events]
    assert any(f"{name} was told to fail" in reason for reason in reasons)


def test_a_replacement_is_made_before_the_old_one_goes(aws: LocalAws, name: str) -> None:
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=template(ModelName=f"{name}-a"))
    assert settled(aws, name) == "CREATE_COMPLETE"

    cloudformation.update_stack(StackName=name, TemplateBody=template(ModelName=f"{name}-b"))

    assert settled(aws, name) == "UPDATE_COMPLETE"
    mine = [line for line in aws.log.splitlines() if f"{name}-" in line and "probe:" in line]
    assert [f"{line.split()[1]} {line.split()[2]}" for line in mine] == [
        f"create {name}-a",
        f"create {name}-b",
        f"delete {name}-a",
    ]
    assert mine[-1].endswith(f"of {name}/Thing")


def test_metrics_and_events_of_a_service_arrive(aws: LocalAws, name: str) -> None:
    queue = aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    aws.client("events").put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    aws.client("events").put_targets(Rule=name, Targets=[{"Id": "q", "Arn": queue_arn}])
    aws.client("sqs").set_queue_attributes(
        QueueUrl=queue, Attributes={"Policy": _from_events(queue_arn)}
    )

    aws.client("sagemaker").create_endpoint(EndpointName="metric", EndpointConfigName="c")

    (message,) = wait_for(
        lambda: aws.client("sqs").receive_message(QueueUrl=queue).get("Messages", []), bool
    )
    assert json.loads(message["Body"])["detail"] == {"EndpointName": "metric"}
    dimensions = [
        {"Name": "EndpointName", "Value": "metric"},
        {"Name": "VariantName", "Value": "primary"},
    ]
    now = time.time()
    points = wait_for(
        lambda: aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocations",
            Dimensions=dimensions,
            StartTime=now - 600,
            EndTime=now + 600,
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"],
        bool,
    )
    assert sum(point["Sum"] for point in points) == 10


def _from_events(queue_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
