"""One parameter: of a few values, a text of a form, a number, or true and false."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from aws_cdk import CfnCondition, CfnParameter, CfnRule, Fn, Stack

IMAGE_TAG = r"^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}$"
EMAIL = r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$"


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


def switch(stack: Stack, id_: str, default: str, description: str) -> CfnCondition:
    """A parameter that is true or false, as the condition that it is true."""
    value = choice(stack, id_, default, ["true", "false"], description)
    return CfnCondition(stack, f"Is{id_}", expression=Fn.condition_equals(value, "true"))


def count(stack: Stack, id_: str, default: int, allowed: Iterable[int], description: str) -> int:
    """A parameter that is one of a few whole numbers."""
    parameter = CfnParameter(
        stack,
        id_,
        type="Number",
        default=str(default),  # compared with allowed_values, which are text
        allowed_values=[str(one) for one in allowed],
        description=description,
    )
    return cast(int, parameter.value_as_number)  # a token, not a number yet


def at_most(stack: Stack, low: str, high: str, values: Sequence[int]) -> None:
    """Refuse `low` above `high`. Rules know no `<=`, so each allowed value has its own."""
    for value in values[:-1]:
        if value < 1:
            continue
        allowed = [str(one) for one in values if one <= value]
        rule = CfnRule(
            stack,
            f"{low}AtMost{high}Of{value}",
            rule_condition=Fn.condition_equals(Fn.ref(high), str(value)),
        )
        rule.add_assertion(
            Fn.condition_contains(allowed, Fn.ref(low)),
            f"{low} must be at most {high}, which is {value}",
        )
