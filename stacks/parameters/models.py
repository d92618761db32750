"""Which model is served, and whether: the parameters promotion and `Active` own."""

from __future__ import annotations

from typing import cast

from aws_cdk import CfnCondition, Fn, ICfnRuleConditionExpression, Stack

from stacks.parameters.values import choice, text

# A version of a group: a package without a version cannot be approved and rolled back.
MODEL_PACKAGE = (
    r"^$|^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/[a-zA-Z0-9-]{1,63}/[0-9]+$"
)


def model_package(stack: Stack) -> str:
    """The parameter ModelPackageArn, which promotion owns: a deployment never passes it."""
    return text(
        stack,
        "ModelPackageArn",
        "",
        MODEL_PACKAGE,
        "must be the ARN of a model package version, or empty",
        "The approved model package that is served; empty before there is one",
    )


def component_package(stack: Stack, component: str) -> str:
    """The parameter <Component>ModelPackageArn, which promotion owns as it does ModelPackageArn."""
    return text(
        stack,
        f"{component}ModelPackageArn",
        "",
        MODEL_PACKAGE,
        "must be the ARN of a model package version, or empty",
        "The approved model package of this component; empty before there is one",
    )


def challenger_package(stack: Stack) -> str:
    """The parameter ChallengerModelPackageArn; a deployment keeps what it is."""
    return text(
        stack,
        "ChallengerModelPackageArn",
        "",
        MODEL_PACKAGE,
        "must be the ARN of a model package version, or empty",
        "The approved model package that is compared with the one served; empty for none",
    )


def is_challenged(stack: Stack, package: str, served: CfnCondition) -> CfnCondition:
    """The condition that there is an endpoint, and a challenger's package."""
    return CfnCondition(
        stack,
        "IsChallenged",
        expression=Fn.condition_and(cast(ICfnRuleConditionExpression, served), _not_empty(package)),
    )


def is_given(stack: Stack, package: str) -> CfnCondition:
    """The condition that there is a package."""
    return CfnCondition(stack, "HasModelPackage", expression=_not_empty(package))


def active(stack: Stack, default: bool) -> str:
    """The parameter Active: whether what costs money is there."""
    return choice(
        stack,
        "Active",
        str(default).lower(),
        ["true", "false"],
        "false removes what costs money and keeps everything else",
    )


def is_served(stack: Stack, package: str, *, by_default: bool) -> CfnCondition:
    """The condition that there is a package and the parameter Active is true."""
    wanted = active(stack, by_default)
    return CfnCondition(
        stack,
        "IsServed",
        expression=Fn.condition_and(_not_empty(package), Fn.condition_equals(wanted, "true")),
    )


def _not_empty(value: str) -> ICfnRuleConditionExpression:
    return Fn.condition_not(Fn.condition_equals(value, ""))
