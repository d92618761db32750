"""What the function of an endpoint's stack may do, statement by statement."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from sagemaker_workflow.keys import arn_of
from sagemaker_workflow.place import place_of

Statement = Mapping[str, Any]


def arn(scope: Construct, service: str, resource: str) -> str:
    """The ARN of something of this account and region."""
    return place_of(scope).arn(service, resource)


def allow(*actions: str, on: Any, condition: Mapping[str, Any] | None = None) -> Statement:
    """The actions are allowed on one resource, or on a list of them."""
    said = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return {**said, "Condition": condition} if condition else said


def running(*, log: logs.ILogGroup, key: kms.IKey, dead_letters_arn: str) -> list[Statement]:
    """What any function of ours needs to run."""
    return [
        allow("logs:CreateLogStream", "logs:PutLogEvents", on=log.log_group_arn),
        allow("xray:PutTraceSegments", "xray:PutTelemetryRecords", on="*"),
        allow("sqs:SendMessage", on=dead_letters_arn),
        # To send to the dead letters.
        allow("kms:Decrypt", "kms:GenerateDataKey", on=arn_of(key)),
    ]


def checking(scope: Construct, *, name: str) -> list[Statement]:
    """What it takes to see what the endpoint `name` serves, and why not something else."""
    return [
        allow("sagemaker:DescribeEndpoint", on=arn(scope, "sagemaker", f"endpoint/{name.lower()}")),
        # A list call, which CloudWatch authorises for alarm:* only.
        allow("cloudwatch:DescribeAlarms", on=arn(scope, "cloudwatch", "alarm:*")),
        # Whether this stack is being rolled back: a fault then must not stop it.
        allow("cloudformation:DescribeStacks", on=_stack_id()),
    ]


@functools.cache
def _stack_id() -> str:
    """The stack's own ID, a reference asked of CDK once: it is the same in every stack."""
    return Aws.STACK_ID
