"""The CDK CLI hears that a stack is done when it is, not five seconds later."""

from __future__ import annotations

import json

from botocore.config import Config
from support.local_aws_server import LocalAws

# Nobody signals it: the stack is in progress for five seconds, and rolls back.
TEMPLATE = json.dumps(
    {
        "Resources": {
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Wait": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "5"},
            },
        }
    }
)


def test_the_cli_is_answered_when_the_stack_is_done_and_others_at_once(
    aws: LocalAws, name: str
) -> None:
    anyone = aws.client("cloudformation")
    cli = aws.session().client(  # type: ignore[call-overload]
        "cloudformation",
        endpoint_url=aws.endpoint,
        config=Config(user_agent_extra="aws-cdk/2.1148.1", retries={"total_max_attempts": 1}),
    )
    stack = anyone.create_stack(StackName=name, TemplateBody=TEMPLATE)["StackId"]

    for client, expected in ((anyone, True), (cli, False), (anyone, False)):
        [found] = client.describe_stacks(StackName=stack)["Stacks"]
        assert found["StackStatus"].endswith("_IN_PROGRESS") is expected, found["StackStatus"]
