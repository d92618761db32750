"""The role of a function."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from sagemaker_workflow.acknowledge import acknowledge


def function_role(scope: Construct, *, log: logs.LogGroup) -> iam.Role:
    """A role that Lambda assumes for a traced function, and that may write to its `log` only.

    The one CDK makes has AWSLambdaBasicExecutionRole, which may write to every log group there is.
    """
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log.grant_write(role)
    acknowledge(
        role,
        "AwsSolutions-IAM5[Resource::*]",
        "xray:PutTraceSegments and xray:PutTelemetryRecords know no resource: X-Ray Developer"
        " Guide, 'How AWS X-Ray works with IAM'",
    )
    return role
