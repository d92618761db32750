"""What every stack that serves models has: the approved model, and the group it follows."""

from __future__ import annotations

from dataclasses import replace

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_s3 as s3

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.model import Model, ModelPackage
from stacks import parameters


def approved_model(
    stack: Stack,
    *,
    image: ContainerImage,
    artifacts: s3.IBucket,
    isolated: bool,
    active: bool | None,
) -> Model:
    """The model of the package the parameter ModelPackageArn names.

    It, and what serves it, exists only when there is a package and, where something would cost
    money all the time, the parameter Active is true: `active` unless it is overridden. None where
    nothing does, and there is no such parameter.
    """
    package = parameters.model_package(stack)
    condition = (
        parameters.is_given(stack, package)
        if active is None
        else parameters.is_served(stack, package, by_default=active)
    )
    return Model(
        stack,
        "Model",
        serves=ModelPackage(arn=package, images=[image], artifacts=[(artifacts, "training/")]),
        isolated=isolated,
        condition=condition,
    )


def challenger_model(stack: Stack, champion: Model) -> Model:
    """The model of the package ChallengerModelPackageArn names, from where the champion's is.

    It exists only while the champion does and there is such a package.
    """
    if champion.package is None or champion.condition is None:
        raise ValueError("challenger model: the champion is no package with a condition")
    package = parameters.challenger_package(stack)
    return Model(
        stack,
        "ChallengerModel",
        serves=replace(champion.package, arn=package),
        isolated=champion.isolated,
        condition=parameters.is_challenged(stack, package, champion.condition),
    )


def follow(stack: Stack, group: str) -> None:
    """Whoever approves a version of `group` finds this stack by its output."""
    CfnOutput(
        stack,
        "ModelPackageGroup",
        value=group,
        description="An approved version of this group becomes this stack's ModelPackageArn",
    )
