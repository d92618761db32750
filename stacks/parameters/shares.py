"""Shares of the requests: a challenger's, and what is captured."""

from __future__ import annotations

from typing import cast

from aws_cdk import CfnCondition, CfnMapping, Fn, Stack, Token

from stacks.parameters.values import count

# What a share may become besides its default.
PERCENT = (0, 1, 2, 5, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 95, 99)


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
