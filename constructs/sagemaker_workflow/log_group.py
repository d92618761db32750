"""A log group for what a construct runs."""

from __future__ import annotations

from typing import Literal

from aws_cdk import Names, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

Family = Literal["codebuild", "lambda", "vendedlogs/states"]


def log_group(
    scope: Construct, family: Family, *, key: kms.IKey, retention: logs.RetentionDays
) -> logs.LogGroup:
    """An encrypted log group `/aws/<family>/<stack and path>`, where people look for it.

    A state machine's name has a second reason: log delivery writes any other name into one policy
    of the account, of 5,120 characters, and once that is full no machine with a log can be made
    (Step Functions Developer Guide, "Avoiding Amazon CloudWatch Logs resource policy size
    restrictions").
    """
    name = Names.unique_resource_name(
        scope, max_length=100, separator="-", allowed_special_characters="-"
    )
    return logs.LogGroup(
        scope,
        "Log",
        log_group_name=f"/aws/{family}/{name}",
        encryption_key=key,
        retention=retention,
        removal_policy=RemovalPolicy.DESTROY,
    )
