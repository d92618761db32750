"""Bounds of what is scaled, the lower one never above the upper one."""

from __future__ import annotations

from aws_cdk import Stack

from stacks.parameters.values import at_most, count


def copies(
    stack: Stack, component: str, minimum: int, maximum: int, highest: int
) -> tuple[int, int]:
    """The parameters <Component>MinCopies and <Component>MaxCopies, the first never above."""
    low_name, high_name = f"{component}MinCopies", f"{component}MaxCopies"
    range_ = range(highest + 1)
    low = count(stack, low_name, minimum, range_, "Copies go down to this; at 0 it sleeps")
    high = count(stack, high_name, maximum, range(1, highest + 1), "Copies go up to this")
    at_most(stack, low_name, high_name, range_)
    return low, high


def capacity(
    stack: Stack, minimum: int, maximum: int, lowest: int, highest: int
) -> tuple[int, int]:
    """The parameters MinCapacity and MaxCapacity, with InitialInstanceCount between them."""
    range_ = range(lowest, highest + 1)
    low = count(stack, "MinCapacity", minimum, range_, "Scaling goes down to this")
    high = count(
        stack, "MaxCapacity", maximum, range(max(lowest, 1), highest + 1), "Scaling goes up to this"
    )
    at_most(stack, "MinCapacity", "MaxCapacity", range_)
    at_most(stack, "MinCapacity", "InitialInstanceCount", range_)
    at_most(stack, "InitialInstanceCount", "MaxCapacity", range_)
    return low, high
