"""CloudFormation parameters: what an operator overrides at deployment, as safe as the default."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from aws_cdk import (
    Aws,
    CfnCondition,
    CfnMapping,
    CfnParameter,
    CfnRule,
    Fn,
    ICfnRuleConditionExpression,
    Stack,
    Token,
)

from sagemaker_workflow.endpoints.limits import SERVERLESS_MEMORY_MB

EMAIL = r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$"
# A version of a group: a package without a version cannot be approved and rolled back.
MODEL_PACKAGE = (
    r"^$|^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/[a-zA-Z0-9-]{1,63}/[0-9]+$"
)
# What a share may become besides its default.
PERCENT = (0, 1, 2, 5, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 95, 99)
# What MaxConcurrency may become besides its default: Rules cannot compare, so a list is needed.
CONCURRENCY = (1, 2, 5, 10, 20, 50, 100, 200)
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


def copies(
    stack: Stack, component: str, minimum: int, maximum: int, highest: int
) -> tuple[int, int]:
    """The parameters <Component>MinCopies and <Component>MaxCopies, the first never above."""
    low_name, high_name = f"{component}MinCopies", f"{component}MaxCopies"
    range_ = range(highest + 1)
    low = count(stack, low_name, minimum, range_, "Copies go down to this; at 0 it sleeps")
    high = count(stack, high_name, maximum, range(1, highest + 1), "Copies go up to this")
    _at_most(stack, low_name, high_name, range_)
    return low, high


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


def challenger_weight(stack: Stack, percent: int, *, shadow: bool) -> float:
    """The parameter ChallengerWeight, in percent, as a weight beside the first variant's 1.

    The first one stays 1, which a live endpoint has retained, so that a challenger that comes
    beside it gets its share at once.
    """
    steps = sorted({*(one for one in PERCENT if one or not shadow), percent})
    value = count(
        stack,
        "ChallengerWeight",
        percent,
        steps,
        "Percent of the requests that are copied to the challenger"
        if shadow
        else "Percent of the requests the challenger answers; while it is there it takes"
        " ApplyConfiguredWeights=true to change it",
    )
    weights = CfnMapping(
        stack,
        "ChallengerWeights",
        mapping={
            str(one): {"Weight": f"{one / 100 if shadow else one / (100 - one):.6g}"}
            for one in steps
        },
    )
    return cast(
        float,
        Token.as_number(Fn.find_in_map(weights.logical_id, Token.as_string(value), "Weight")),
    )


def capture_sampling(stack: Stack, percent: int) -> tuple[int, CfnCondition]:
    """The parameter CaptureSamplingPercent, and the condition that anything is captured."""
    value = count(
        stack,
        "CaptureSamplingPercent",
        percent,
        sorted({*PERCENT, 100, percent}),
        "Percent of the requests that are kept with their replies; 0 for none",
    )
    some = CfnCondition(
        stack, "IsCapturing", expression=Fn.condition_not(Fn.condition_equals(value, "0"))
    )
    return value, some


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


def capacity(
    stack: Stack, minimum: int, maximum: int, lowest: int, highest: int
) -> tuple[int, int]:
    """The parameters MinCapacity and MaxCapacity, with InitialInstanceCount between them."""
    range_ = range(lowest, highest + 1)
    low = count(stack, "MinCapacity", minimum, range_, "Scaling goes down to this")
    high = count(
        stack, "MaxCapacity", maximum, range(max(lowest, 1), highest + 1), "Scaling goes up to this"
    )
    _at_most(stack, "MinCapacity", "MaxCapacity", range_)
    _at_most(stack, "MinCapacity", "InitialInstanceCount", range_)
    _at_most(stack, "InitialInstanceCount", "MaxCapacity", range_)
    return low, high


def serverless(
    stack: Stack, memory_mb: int, concurrency: int, provisioned: int
) -> tuple[int, int, int]:
    """The parameters MemorySizeInMB, MaxConcurrency and ProvisionedConcurrency (0 for none)."""
    memory = count(
        stack, "MemorySizeInMB", memory_mb, SERVERLESS_MEMORY_MB, "Memory, and CPU in proportion"
    )
    given = {concurrency, provisioned} - {0}
    steps: list[int] = sorted({*CONCURRENCY, *given})
    most = count(stack, "MaxConcurrency", concurrency, steps, "Requests at once")
    warm = count(
        stack,
        "ProvisionedConcurrency",
        provisioned,
        [0, *steps],
        "Requests at once that never wait for a start, and are paid for; 0 for none",
    )
    _at_most(stack, "ProvisionedConcurrency", "MaxConcurrency", [0, *steps])
    some = CfnCondition(
        stack,
        "HasProvisionedConcurrency",
        # As text: Fn::Equals compares nothing else.
        expression=Fn.condition_not(Fn.condition_equals(warm, "0")),
    )
    chosen = Fn.condition_if(some.logical_id, warm, Aws.NO_VALUE)
    return memory, most, cast(int, Token.as_number(chosen))


def _at_most(stack: Stack, low: str, high: str, values: Sequence[int]) -> None:
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
