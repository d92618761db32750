"""What a serverless endpoint is given, in values its rules can compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from aws_cdk import Aws, CfnCondition, Fn, Stack, Token

from sagemaker_workflow.endpoints.limits import SERVERLESS_MEMORY_MB
from stacks.parameters.values import at_most, count

# What MaxConcurrency may become besides its default: Rules cannot compare, so a list is needed.
CONCURRENCY = (1, 2, 5, 10, 20, 50, 100, 200)


@dataclass(frozen=True, kw_only=True, slots=True)
class Concurrency:
    """Requests at once; `provisioned` of them are warm, between `bounds` where they are scaled."""

    most: int
    provisioned: int
    bounds: tuple[int, int] | None = None


def serverless(stack: Stack, memory_mb: int, asked: Concurrency) -> tuple[int, Concurrency]:
    """The parameters MemorySizeInMB, MaxConcurrency and ProvisionedConcurrency (0 for none).

    Where provisioned concurrency is scaled: MinCapacity and MaxCapacity, and never none.
    """
    memory = count(
        stack, "MemorySizeInMB", memory_mb, SERVERLESS_MEMORY_MB, "Memory, and CPU in proportion"
    )
    given = {asked.most, asked.provisioned, *(asked.bounds or ())} - {0}
    steps = sorted({*CONCURRENCY, *given})
    most = count(stack, "MaxConcurrency", asked.most, steps, "Requests at once")
    warm = count(
        stack,
        "ProvisionedConcurrency",
        asked.provisioned,
        steps if asked.bounds else [0, *steps],
        "Requests at once that never wait for a start, and are paid for; "
        + ("scaling changes it" if asked.bounds else "0 for none"),
    )
    at_most(stack, "ProvisionedConcurrency", "MaxConcurrency", [0, *steps])
    if asked.bounds:
        return memory, Concurrency(
            most=most, provisioned=warm, bounds=_bounds(stack, asked.bounds, steps)
        )
    some = CfnCondition(
        stack,
        "HasProvisionedConcurrency",
        # As text: Fn::Equals compares nothing else.
        expression=Fn.condition_not(Fn.condition_equals(warm, "0")),
    )
    chosen = Fn.condition_if(some.logical_id, warm, Aws.NO_VALUE)
    return memory, Concurrency(most=most, provisioned=cast(int, Token.as_number(chosen)))


def _bounds(stack: Stack, asked: tuple[int, int], steps: list[int]) -> tuple[int, int]:
    low = count(stack, "MinCapacity", asked[0], steps, "Provisioned concurrency goes down to this")
    high = count(stack, "MaxCapacity", asked[1], steps, "Provisioned concurrency goes up to this")
    at_most(stack, "MinCapacity", "MaxCapacity", steps)
    at_most(stack, "MinCapacity", "ProvisionedConcurrency", steps)
    at_most(stack, "ProvisionedConcurrency", "MaxCapacity", steps)
    at_most(stack, "MaxCapacity", "MaxConcurrency", steps)
    return low, high
