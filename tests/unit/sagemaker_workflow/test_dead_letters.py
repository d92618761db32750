"""Queues of what could not be delivered, and the rule that wants queues to have one."""

import pytest
from aws_cdk import Stack, Validations
from aws_cdk import aws_kms as kms
from cdk_nag import AwsSolutionsChecks
from support.templates import only

from sagemaker_workflow.dead_letters import DeadLetters
from sagemaker_workflow.endpoints import Operations
from sagemaker_workflow.lifecycle import EndpointLifecycle


def test_they_are_kept_for_two_weeks_under_the_key(stack: Stack, key: kms.IKey) -> None:
    DeadLetters(stack, "DeadLetters", key=key)
    properties = only(stack, "AWS::SQS::Queue")["Properties"]
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert properties["KmsMasterKeyId"] == key.key_arn


def test_those_of_a_function_satisfy_the_rule_without_a_word(stack: Stack, key: kms.IKey) -> None:
    """cdk-nag sees the function that names the queue."""
    Validations.of(stack.node.root).add_plugins(AwsSolutionsChecks(stack.node.root))
    made = EndpointLifecycle(stack, "Lifecycle", name="churn", operations=Operations(key=key))
    assert not _acknowledged(made.dead_letters)
    stack.node.root.synth()  # type: ignore[attr-defined]


def test_those_of_anything_else_are_acknowledged(stack: Stack, key: kms.IKey) -> None:
    Validations.of(stack.node.root).add_plugins(AwsSolutionsChecks(stack.node.root))
    made = DeadLetters(stack, "DeadLetters", key=key)
    assert _acknowledged(made.queue) == ["Annotation::AwsSolutions-SQS3"]
    stack.node.root.synth()  # type: ignore[attr-defined]


def test_said_to_be_a_functions_that_none_names_they_are_found(stack: Stack, key: kms.IKey) -> None:
    Validations.of(stack.node.root).add_plugins(AwsSolutionsChecks(stack.node.root))
    DeadLetters(stack, "DeadLetters", key=key, of_function=True)
    with pytest.raises(RuntimeError, match=r"AwsSolutions-SQS3"):
        stack.node.root.synth()  # type: ignore[attr-defined]


def _acknowledged(construct: object) -> list[str]:
    found = [
        one.data
        for one in construct.node.metadata  # type: ignore[attr-defined]
        if one.type == "aws:cdk:acknowledged-rules"
    ]
    return [finding for one in found for finding in one]
