"""A key for a construct that was given none, and who may use keys besides roles."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import jsii
from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

_ARNS: WeakKeyDictionary[kms.IKey, str] = WeakKeyDictionary()


def arn_of(key: kms.IKey) -> str:
    """The key's ARN, asked of CDK once: many statements and properties name the same key."""
    arn = _ARNS.get(key)
    if arn is None:
        # By the interface: what jsii hands out for one asks everything twice.
        arn = _ARNS[key] = jsii.unsafe_cast(key, kms.IKey).key_arn
    return arn


def own_key(scope: Construct) -> kms.Key:
    """A rotating key that CloudWatch Logs may use for this account's log groups."""
    key = kms.Key(
        scope,
        "Key",
        description=f"{scope.node.path}: volumes, logs and notifications",
        enable_key_rotation=True,
        # What it encrypts goes with the endpoint; data of value has the bucket's key.
        removal_policy=RemovalPolicy.DESTROY,
    )
    let_logs_use(key)
    let_services_deliver(key)
    return key


def let_services_deliver(key: kms.Key) -> None:
    """EventBridge into dead-letter queues, alarms into topics, topics into queues.

    Roles get the key by their own policies; a service that delivers without a role cannot.
    """
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Deliveries",
            principals=[
                iam.ServicePrincipal("events.amazonaws.com"),
                iam.ServicePrincipal("cloudwatch.amazonaws.com"),
                iam.ServicePrincipal("sns.amazonaws.com"),
            ],
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(key).account}},
        )
    )


def let_logs_use(key: kms.Key) -> None:
    """CloudWatch Logs may encrypt this account's log groups with the key, and no others."""
    stack = Stack.of(key)
    groups = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name="*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="LogGroups",
            principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
            actions=[
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:DescribeKey",
            ],
            resources=["*"],  # in a key's policy, the key itself
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        )
    )
