"""The function that sees whether what was deployed serves, and what calls it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import CfnResource, IgnoreMode, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sqs as sqs

from handwritten.words import ACCOUNT, ALARM_ARNS, KEY, PARTITION, REGION, allow, policy, trust

_SOURCES = Path(__file__).resolve().parents[3] / "lambda"
_PACKAGE = "endpoint_lifecycle"


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """The function, and what has to exist before it can work."""

    arn: str
    log: logs.CfnLogGroup
    access: iam.CfnManagedPolicy


def build_function(stack: Stack, name: str) -> Function:
    """The function exists, with its log, role and dead letters."""
    log = logs.CfnLogGroup(
        stack,
        "FunctionLog",
        log_group_name=f"/aws/lambda/{name}-lifecycle",
        kms_key_id=KEY,
        retention_in_days=30,
    )
    log.apply_removal_policy(RemovalPolicy.DESTROY)
    letters_arn = _build_letters(stack)
    ours = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    role = iam.CfnRole(stack, "FunctionRole", assume_role_policy_document=trust("lambda", ours))
    access = _build_access(stack, role, name, log.attr_arn, letters_arn)
    code = assets.Asset(
        stack,
        "Code",
        path=str(_SOURCES),
        exclude=["*", f"!{_PACKAGE}", f"{_PACKAGE}/*", f"!{_PACKAGE}/*.py"],
        ignore_mode=IgnoreMode.DOCKER,
    )
    function = lambda_.CfnFunction(
        stack,
        "Function",
        description=f"Checks and scales the endpoint {name}",
        runtime="python3.14",
        handler=f"{_PACKAGE}.handler.handler",
        code=lambda_.CfnFunction.CodeProperty(
            s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key
        ),
        role=role.attr_arn,
        timeout=900,
        memory_size=256,
        reserved_concurrent_executions=3,
        dead_letter_config=lambda_.CfnFunction.DeadLetterConfigProperty(target_arn=letters_arn),
        logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log.ref),
        tracing_config=lambda_.CfnFunction.TracingConfigProperty(mode="Active"),
    )
    function.add_resource_dependency(access)
    return Function(arn=function.attr_arn, log=log, access=access)


def watch(
    stack: Stack,
    name: str,
    endpoint: sagemaker.CfnEndpoint,
    config_name: str,
    function: Function,
) -> None:
    """A deployment fails when the endpoint does not serve its config."""
    deployed = CfnResource(
        stack,
        "Deployed",
        type="Custom::EndpointDeployed",
        properties={
            "ServiceToken": function.arn,
            "ServiceTimeout": 900,
            "Phase": "Deployed",
            "EndpointName": name,
            "EndpointConfigName": config_name,
        },
    )
    for before in (function.log, function.access, endpoint):
        deployed.add_resource_dependency(before)


def _build_letters(stack: Stack) -> str:
    queue = sqs.CfnQueue(
        stack, "Letters", kms_master_key_id=KEY, message_retention_period=1_209_600
    )
    queue.apply_removal_policy(RemovalPolicy.DESTROY)
    arn = queue.attr_arn
    plain = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "sqs:*",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    sqs.CfnQueuePolicy(stack, "LettersPolicy", queues=[queue.ref], policy_document=policy(plain))
    return arn


def _build_access(
    stack: Stack, role: iam.CfnRole, name: str, log_arn: str, letters_arn: str
) -> iam.CfnManagedPolicy:
    endpoint = f"arn:{PARTITION}:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}"
    return iam.CfnManagedPolicy(
        stack,
        "FunctionPolicy",
        roles=[role.ref],
        policy_document=policy(
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], log_arn),
            allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
            allow(["sqs:SendMessage"], letters_arn),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], KEY),
            allow(["sagemaker:DescribeEndpoint"], endpoint),
            allow(["cloudwatch:DescribeAlarms"], ALARM_ARNS),
            allow(["cloudformation:DescribeStacks"], stack.stack_id),
        ),
    )
