"""Who may ask for a role of each kind, and actions that go together."""

from __future__ import annotations

from typing import Literal

Kind = Literal["hosting", "training", "processing", "transform"]

# What may ask for the role (contracts 13.1). Hosting breaks with anything narrower, and a
# transform job runs under its model's role, which CreateModel assumes as well.
SOURCES: dict[str, str] = {
    "hosting": "*",
    "transform": "*",
    "training": "training-job/*",
    "processing": "processing-job/*",
}
LOG_GROUPS = {
    "training": "/aws/sagemaker/TrainingJobs",
    "processing": "/aws/sagemaker/ProcessingJobs",
    "transform": "/aws/sagemaker/TransformJobs",
}
LOG_ACTIONS = (
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "logs:DescribeLogStreams",
)
NETWORK_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcs",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
)
