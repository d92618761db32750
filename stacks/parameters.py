"""CloudFormation parameters: what an operator overrides at deployment, as safe as the default."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnParameter, Stack

EMAIL = r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$"
# A version of a group: a package without a version cannot be approved and rolled back.
MODEL_PACKAGE = (
    r"^$|^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/[a-zA-Z0-9-]{1,63}/[0-9]+$"
)
IMAGE_TAG = r"^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}$"


def choice(stack: Stack, id_: str, default: str, allowed: Sequence[str], description: str) -> str:
    """A parameter that takes one of `allowed`."""
    parameter = CfnParameter(
        stack, id_, default=default, allowed_values=list(allowed), description=description
    )
    return parameter.value_as_string


def text(stack: Stack, id_: str, default: str, pattern: str, must: str, description: str) -> str:
    """A parameter that matches `pattern`; `must` says in words what that means."""
    parameter = CfnParameter(
        stack,
        id_,
        default=default,
        allowed_pattern=pattern,
        constraint_description=must,
        description=description,
    )
    return parameter.value_as_string


def number(
    stack: Stack, id_: str, default: int, low: int, high: int, description: str
) -> CfnParameter:
    """A parameter from `low` to `high`."""
    return CfnParameter(
        stack,
        id_,
        type="Number",
        default=default,
        min_value=low,
        max_value=high,
        description=description,
    )


def email(stack: Stack, default: str | None, of: str) -> str:
    """The parameter NotificationEmail: who hears of `of`; empty for nobody."""
    return text(
        stack,
        "NotificationEmail",
        default or "",
        EMAIL,
        "must be an e-mail address, or empty",
        f"Who is told of {of}; empty for nobody",
    )
