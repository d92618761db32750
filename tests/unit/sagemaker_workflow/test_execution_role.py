from typing import Any

import pytest
from aws_cdk import Environment, Stack, Validations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from cdk_nag import AwsSolutionsChecks
from support.templates import allowed, flat, only, resources, statements

from sagemaker_workflow.roles import ExecutionRole


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("hosting", ":*"),
        ("transform", ":*"),
        ("training", ":training-job/*"),
        ("processing", ":processing-job/*"),
    ],
)
def test_only_this_accounts_sagemaker_may_assume_it(stack: Stack, kind: Any, source: str) -> None:
    ExecutionRole(stack, "Role", kind=kind)
    [trust] = only(stack, "AWS::IAM::Role")["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    said = flat(trust["Condition"]["ArnLike"]["aws:SourceArn"])
    assert said == f"arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>{source}"


def test_an_unknown_kind_is_refused(stack: Stack) -> None:
    wrong: Any = "serving"
    with pytest.raises(ValueError, match="kind is 'serving', allowed is one of hosting, training"):
        ExecutionRole(stack, "Role", kind=wrong)


def test_it_starts_with_metrics_alone_and_no_managed_policy_of_aws(stack: Stack) -> None:
    ExecutionRole(stack, "Role", kind="hosting")
    assert [one["Action"] for one in statements(stack)] == [["cloudwatch:PutMetricData"]]
    assert "cloudwatch:namespace" in statements(stack)[0]["Condition"]["StringLike"]
    assert "ManagedPolicyArns" not in only(stack, "AWS::IAM::Role")["Properties"]


def test_a_jobs_role_writes_to_the_log_group_of_its_kind_only(stack: Stack) -> None:
    ExecutionRole(stack, "Role", kind="training")
    for on in allowed(stack, "logs:PutLogEvents"):
        assert ":log-group:/aws/sagemaker/TrainingJobs" in on


def test_no_action_is_a_wildcard_and_no_resource_is_all_but_where_there_is_no_other(
    stack: Stack, bucket: s3.IBucket, key: kms.IKey
) -> None:
    role = ExecutionRole(stack, "Role", kind="hosting")
    role.grant_read(bucket, "in/")
    role.grant_write(bucket, "out/")
    role.grant_publish(sns.Topic(stack, "Topic"), key)
    role.grant_volume_key(key)
    role.grant_describe_alarms()
    for one in statements(stack):
        assert not [action for action in one["Action"] if "*" in action]
        if one["Resource"] == ["*"]:
            assert one["Action"] == ["cloudwatch:PutMetricData"]


def test_grants_of_awss_own_constructs_end_in_the_policy_models_wait_for(stack: Stack) -> None:
    role = ExecutionRole(stack, "Role", kind="hosting")
    sns.Topic(stack, "Topic").grant_publish(role.policy)
    assert not resources(stack, "AWS::IAM::Policy")
    assert len(allowed(stack, "sns:Publish")) == 1


def test_what_waits_for_the_role_waits_for_policies_added_later_too(stack: Stack) -> None:
    role = ExecutionRole(stack, "Role", kind="hosting")
    topic = sns.Topic(stack, "Topic")
    role.make_wait(topic)
    sns.Topic(stack, "Other").grant_publish(role.role)
    waiting = [one for one in resources(stack, "AWS::SNS::Topic").values() if "DependsOn" in one]
    [inline] = resources(stack, "AWS::IAM::Policy")
    [managed] = resources(stack, "AWS::IAM::ManagedPolicy")
    assert {inline, managed} <= set(waiting[0]["DependsOn"])


def test_nag_finds_nothing_that_is_not_acknowledged_where_it_is_caused(
    stack: Stack, bucket: s3.IBucket
) -> None:
    Validations.of(stack.node.root).add_plugins(AwsSolutionsChecks(stack.node.root))
    role = ExecutionRole(stack, "Role", kind="training")
    role.grant_read(bucket, "in/")
    role.grant_write(bucket, "out/")
    role.grant_network()
    stack.node.root.synth()  # type: ignore[attr-defined]


def test_what_is_granted_from_the_beginning_is_in_the_policy_and_acknowledged(
    stack: Stack,
) -> None:
    Validations.of(stack.node.root).add_plugins(AwsSolutionsChecks(stack.node.root))
    ExecutionRole(stack, "Role", kind="hosting", begin=lambda role: role.grant_describe_alarms())
    assert allowed(stack, "cloudwatch:PutMetricData")
    assert allowed(stack, "cloudwatch:DescribeAlarms")
    stack.node.root.synth()  # type: ignore[attr-defined]


def test_each_reason_for_the_same_wildcard_is_told(stack: Stack) -> None:
    role = ExecutionRole(stack, "Role", kind="hosting")
    with role.at_once():
        role.grant_network()
        role.grant_pull("arn:aws:ecr:us-east-1:111122223333:repository/one")
    [*_, last] = [
        one.data for one in role.grants.node.metadata if one.type == "aws:cdk:acknowledged-rules"
    ]
    assert last == {
        "Annotation::AwsSolutions-IAM5[Resource::*]": (
            "SageMaker validates these nine EC2 actions on * and refuses conditions; "
            "the action has no resource to scope to"
        )
    }


def test_roles_of_two_accounts_trust_each_its_own(stack: Stack) -> None:
    ExecutionRole(stack, "Role", kind="hosting")
    other = Stack(
        stack.node.root, "Other", env=Environment(account="444455556666", region="eu-west-1")
    )
    ExecutionRole(other, "Role", kind="hosting")
    for one, account in ((stack, "<AWS::AccountId>"), (other, "444455556666")):
        [trust] = only(one, "AWS::IAM::Role")["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert f":{account}:*" in flat(trust["Condition"]["ArnLike"]["aws:SourceArn"])
