"""The model, and what its containers may do."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from handwritten.words import ACCOUNT, ALARM_ARNS, KEY, PARTITION, REGION, allow, policy, trust

_IMAGES = f"683313688378.dkr.ecr.{REGION}.amazonaws.com"
_REPOSITORY = f"arn:aws:ecr:{REGION}:683313688378:repository/sagemaker-xgboost"
_ANY_SAGEMAKER = f"arn:{PARTITION}:sagemaker:{REGION}:{ACCOUNT}:*"


def build_model(
    stack: Stack, number: int, log_arn: str
) -> tuple[iam.CfnRole, iam.CfnManagedPolicy, sagemaker.CfnModel]:
    """The role, its policy and the model exist."""
    role = iam.CfnRole(
        stack,
        "Role",
        assume_role_policy_document=trust(
            "sagemaker", {"ArnLike": {"aws:SourceArn": _ANY_SAGEMAKER}}
        ),
        description=f"SageMaker hosting of Bench{number}/Model/Role",
    )
    access = iam.CfnManagedPolicy(
        stack,
        "Policy",
        roles=[role.ref],
        policy_document=policy(
            allow(
                "cloudwatch:PutMetricData",
                "*",
                {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}},
            ),
            allow(
                [
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                _REPOSITORY,
            ),
            allow("ecr:GetAuthorizationToken", "*"),
            allow("s3:GetObject", f"arn:{PARTITION}:s3:::models/m/{number}.tar.gz"),
            allow(
                ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"], KEY
            ),
            allow(
                [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                log_arn,
            ),
            allow("cloudwatch:DescribeAlarms", ALARM_ARNS),
        ),
    )
    model = sagemaker.CfnModel(
        stack,
        "Model",
        execution_role_arn=role.attr_arn,
        enable_network_isolation=True,
        primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
            image=f"{_IMAGES}/sagemaker-xgboost:3.2-0",
            model_data_url=f"s3://models/m/{number}.tar.gz",
        ),
    )
    model.add_resource_dependency(access)
    model.add_resource_dependency(role)
    return role, access, model
