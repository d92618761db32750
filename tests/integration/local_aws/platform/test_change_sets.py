"""What a change set says of resources that a parameter's condition adds or removes.

CloudFormation User Guide, "Conditions": at an update, resources whose condition is now true are
created, and those whose condition is now false are deleted.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.local_aws_server import LocalAws
from support.policies import wait_for

TEMPLATE = json.dumps(
    {
        "Parameters": {"Active": {"Type": "String", "Default": "true"}},
        "Conditions": {"IsActive": {"Fn::Equals": [{"Ref": "Active"}, "true"]}},
        "Resources": {
            "Always": {"Type": "AWS::SNS::Topic"},
            "Sometimes": {"Type": "AWS::SNS::Topic", "Condition": "IsActive"},
        },
    }
)


@pytest.mark.parametrize(
    ("first", "then", "action"), [("true", "false", "Remove"), ("false", "true", "Add")]
)
def test_a_parameter_that_turns_a_condition_over_is_a_change(
    aws: LocalAws, name: str, first: str, then: str, action: str
) -> None:
    _stack(aws, name, first)
    described = _change_set(aws, name, then)
    assert described["Status"] == "CREATE_COMPLETE"
    [change] = [one["ResourceChange"] for one in described["Changes"]]
    assert (change["Action"], change["LogicalResourceId"]) == (action, "Sometimes")
    cloudformation = aws.client("cloudformation")
    cloudformation.execute_change_set(StackName=name, ChangeSetName="change")
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    there = cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
    left = [r["LogicalResourceId"] for r in there if not r["ResourceStatus"].startswith("DELETE")]
    assert sorted(left) == (["Always", "Sometimes"] if then == "true" else ["Always"])


def test_a_parameter_that_stays_is_none(aws: LocalAws, name: str) -> None:
    _stack(aws, name, "false")
    described = _change_set(aws, name, "false")
    assert described["Status"] == "FAILED"
    assert "didn't contain changes" in described["StatusReason"]


def test_an_attribute_of_another_resource_is_a_change(aws: LocalAws, name: str) -> None:
    """CloudFormation compares what templates say, before it knows an attribute's value."""

    def template(key: str) -> str:
        keys = {one: {"Type": "AWS::KMS::Key"} for one in ("One", "Two")}
        topic = {"KmsMasterKeyId": {"Fn::GetAtt": [key, "Arn"]}}
        return json.dumps(
            {"Resources": {**keys, "Topic": {"Type": "AWS::SNS::Topic", "Properties": topic}}}
        )

    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=template("One"))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    found = {}
    for key in ("One", "Two"):
        cloudformation.create_change_set(
            StackName=name, ChangeSetName=key, TemplateBody=template(key)
        )
        found[key] = wait_for(
            lambda key=key: cloudformation.describe_change_set(StackName=name, ChangeSetName=key),
            lambda seen: seen["Status"] in ("CREATE_COMPLETE", "FAILED"),
        )
    assert found["One"]["Status"] == "FAILED"
    [change] = [one["ResourceChange"] for one in found["Two"]["Changes"]]
    assert (change["Action"], change["LogicalResourceId"]) == ("Modify", "Topic")


def _stack(aws: LocalAws, name: str, active: str) -> None:
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=name, TemplateBody=TEMPLATE, Parameters=_parameters(active)
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )


def _change_set(aws: LocalAws, name: str, active: str) -> dict[str, Any]:
    cloudformation = aws.client("cloudformation")
    which = {"StackName": name, "ChangeSetName": "change"}
    cloudformation.create_change_set(
        **which, UsePreviousTemplate=True, Parameters=_parameters(active)
    )
    return wait_for(
        lambda: cloudformation.describe_change_set(**which),
        lambda seen: seen["Status"] in ("CREATE_COMPLETE", "FAILED"),
    )


def _parameters(active: str) -> list[dict[str, str]]:
    return [{"ParameterKey": "Active", "ParameterValue": active}]
