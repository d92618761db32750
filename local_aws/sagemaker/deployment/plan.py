"""Deployment guardrails: what a DeploymentConfig may say and the steps it means."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MOST_CANARY = 0.5  # contracts.md 3.6: at most half of the new fleet
_LEAST_LINEAR = 0.1
_LEAST_BATCH = 0.05
_TIMEOUT_SECONDS = 8 * 3600  # MaximumExecutionTimeoutInSeconds at its most


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """The new fleet's share of traffic, and how long it bakes there."""

    share: float
    wait_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A whole traffic shift, and the alarms that undo it."""

    steps: tuple[Step, ...]
    termination_wait_seconds: int
    timeout_seconds: int
    alarms: tuple[str, ...]


def plan(deployment: Mapping[str, Any] | None, instances: int) -> Plan:
    """The steps of a deployment; all at once without a wait when nothing is configured."""
    deployment = deployment or {}
    alarms = deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    blue_green = deployment.get("BlueGreenUpdatePolicy", {})
    rolling = deployment.get("RollingUpdatePolicy")
    steps = _rolling(rolling, instances) if rolling else _blue_green(blue_green, instances)
    timeout = (rolling or blue_green).get("MaximumExecutionTimeoutInSeconds", _TIMEOUT_SECONDS)
    return Plan(
        steps=tuple(steps),
        termination_wait_seconds=blue_green.get("TerminationWaitInSeconds", 0),
        timeout_seconds=timeout,
        alarms=tuple(alarm["AlarmName"] for alarm in alarms),
    )


def faults(
    deployment: Mapping[str, Any], *, old_variants: set[str], new_variants: set[str], instances: int
) -> Iterator[str]:
    """Every rule of contracts.md 3.6 the deployment breaks."""
    if "BlueGreenUpdatePolicy" in deployment and "RollingUpdatePolicy" in deployment:
        yield "DeploymentConfig takes either BlueGreenUpdatePolicy or RollingUpdatePolicy"
    if old_variants != new_variants:
        yield (
            "A deployment with DeploymentConfig needs the same variant names in both endpoint "
            f"configurations: {', '.join(sorted(old_variants))} is deployed, the new one has "
            f"{', '.join(sorted(new_variants))}"
        )
    routing = deployment.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration")
    if routing:
        yield from _routing_faults(routing, instances)
    rolling = deployment.get("RollingUpdatePolicy")
    if rolling:
        share = _share(rolling["MaximumBatchSize"], instances)
        if not _LEAST_BATCH <= share <= _MOST_CANARY:
            yield f"MaximumBatchSize must be 5 to 50 percent of the fleet, got {share:.0%}"


def _routing_faults(routing: Mapping[str, Any], instances: int) -> Iterator[str]:
    kind = routing["Type"]
    sizes = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
    for other, member in sizes.items():
        if other == kind and member not in routing:
            yield f"TrafficRoutingConfiguration of type {kind} needs {member}"
        elif other != kind and member in routing:
            yield f"{member} is only for type {other}, and the type is {kind}"
    if kind == "CANARY" and "CanarySize" in routing:
        share = _share(routing["CanarySize"], instances)
        if share > _MOST_CANARY:
            yield f"CanarySize must be at most 50 percent of the fleet, got {share:.0%}"
    if kind == "LINEAR" and "LinearStepSize" in routing:
        share = _share(routing["LinearStepSize"], instances)
        if not _LEAST_LINEAR <= share <= _MOST_CANARY:
            yield f"LinearStepSize must be 10 to 50 percent of the fleet, got {share:.0%}"


def _blue_green(policy: Mapping[str, Any], instances: int) -> Iterator[Step]:
    routing = policy.get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE"})
    wait = routing.get("WaitIntervalInSeconds", 0)
    if routing["Type"] == "CANARY":
        yield Step(share=_share(routing["CanarySize"], instances), wait_seconds=wait)
        yield Step(share=1.0, wait_seconds=0)
    elif routing["Type"] == "LINEAR":
        yield from _even(_share(routing["LinearStepSize"], instances), wait)
    else:
        yield Step(share=1.0, wait_seconds=wait)


def _rolling(policy: Mapping[str, Any], instances: int) -> Iterator[Step]:
    share = _share(policy["MaximumBatchSize"], instances)
    yield from _even(share, policy["WaitIntervalInSeconds"])


def _even(share: float, wait: int) -> Iterator[Step]:
    count = math.ceil(round(1 / share, 6))
    for number in range(1, count + 1):
        yield Step(share=min(1.0, number * share), wait_seconds=wait)


def _share(size: Mapping[str, Any], instances: int) -> float:
    value = float(size["Value"])
    return value / 100 if size["Type"] == "CAPACITY_PERCENT" else value / max(instances, 1)
