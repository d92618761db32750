"""What the function that scales an endpoint may do."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct


def statements(
    scope: Construct, *, name: str, variant: str, log: logs.ILogGroup, key: kms.IKey
) -> list[iam.PolicyStatement]:
    """What the function does for the endpoint `name`, and for no other."""
    stack = Stack.of(scope)

    def arn(service: str, resource: str) -> str:
        return f"arn:{stack.partition}:{service}:{stack.region}:{stack.account}:{resource}"

    targets = arn("application-autoscaling", "scalable-target/*")
    endpoint = arn("sagemaker", f"endpoint/{name.lower()}")
    configs = arn("sagemaker", "endpoint-config/*")
    # Target tracking names its alarms after the resource; ours is the one that wakes it.
    alarms = [
        arn("cloudwatch", f"alarm:TargetTracking-endpoint/{name}/variant/{variant}*"),
        arn("cloudwatch", f"alarm:{name}-wake-from-zero"),
    ]
    return [
        iam.PolicyStatement(
            actions=[
                "application-autoscaling:RegisterScalableTarget",
                "application-autoscaling:DeregisterScalableTarget",
                "application-autoscaling:PutScalingPolicy",
            ],
            resources=[targets],
            conditions={"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}},
        ),
        # What Application Auto Scaling does in the caller's name.
        iam.PolicyStatement(
            actions=[
                "sagemaker:DescribeEndpoint",
                "sagemaker:UpdateEndpointWeightsAndCapacities",
            ],
            resources=[endpoint],
        ),
        iam.PolicyStatement(actions=["sagemaker:DescribeEndpointConfig"], resources=[configs]),
        iam.PolicyStatement(
            actions=["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"],
            resources=alarms,
        ),
        # A list call, which CloudWatch authorises for alarm:* only.
        iam.PolicyStatement(
            actions=["cloudwatch:DescribeAlarms"], resources=[arn("cloudwatch", "alarm:*")]
        ),
        iam.PolicyStatement(
            actions=["iam:CreateServiceLinkedRole"],
            resources=[_linked_role(stack)],
            conditions={
                "StringEquals": {
                    "iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"
                }
            },
        ),
        iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[log.log_group_arn],
        ),
        # To send to the dead letters.
        iam.PolicyStatement(
            actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key.key_arn]
        ),
    ]


def _linked_role(stack: Stack) -> str:
    return (
        f"arn:{stack.partition}:iam::{stack.account}:role/aws-service-role/"
        "sagemaker.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    )
