"""What every stack that serves models has: the approved model, and the group it follows."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_s3 as s3

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.model import Model, ModelPackage
from stacks import parameters


def approved_model(
    stack: Stack, *, image: ContainerImage, artifacts: s3.IBucket, isolated: bool
) -> Model:
    """The model of the package the parameter ModelPackageArn names.

    It, and what serves it, exists only when there is a package and the stack is Active.
    """
    package = parameters.model_package(stack)
    return Model(
        stack,
        "Model",
        serves=ModelPackage(arn=package, images=[image], artifacts=[(artifacts, "training/")]),
        isolated=isolated,
        condition=parameters.is_served(stack, package),
    )


def follow(stack: Stack, group: str) -> None:
    """Whoever approves a version of `group` finds this stack by its output."""
    CfnOutput(
        stack,
        "ModelPackageGroup",
        value=group,
        description="An approved version of this group becomes this stack's ModelPackageArn",
    )
