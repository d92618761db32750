"""What is wrong with the way an update replaces what serves."""

from __future__ import annotations

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.specs import Rollout
from sagemaker_workflow.faults import Faults, known


def check_rollout(rollout: Rollout, *, serverless: bool, faults: Faults) -> None:
    if rollout.strategy is not None:
        allowed = ("all_at_once",) if serverless else limits.ROLLOUT_STRATEGIES
        faults.unless_one_of(
            "rollout strategy",
            rollout.strategy,
            allowed,
            "a serverless endpoint has no capacity to split" if serverless else "",
        )
    percents = {
        "canary": limits.CANARY_PERCENT,
        "linear": limits.LINEAR_PERCENT,
        "rolling": limits.ROLLING_PERCENT,
    }
    if rollout.step_percent is not None:
        strategy = rollout.strategy or ("all_at_once" if serverless else "canary")
        if strategy in percents:
            faults.unless_between(
                f"rollout step_percent ({strategy})", rollout.step_percent, *percents[strategy]
            )
        else:
            faults.add(f"rollout step_percent means nothing for {strategy}: leave it out")
    for name in ("wait_seconds", "termination_wait_seconds"):
        faults.unless_between(f"rollout {name}", getattr(rollout, name), *limits.WAIT_SECONDS)
    _check_rollout_time(rollout, "all_at_once" if serverless else "canary", faults)
    if known(rollout.max_errors) and rollout.max_errors <= 0:
        faults.add(f"rollout max_errors is {rollout.max_errors}, allowed is more than 0: raise it")
    latency = rollout.max_latency_ms
    if latency is not None and not known(latency):
        faults.add(
            "rollout max_latency_ms is a parameter, allowed is a literal: CloudFormation cannot "
            "turn it into the metric's microseconds; keep it in the settings"
        )
    elif latency is not None and latency <= 0:
        faults.add(f"rollout max_latency_ms is {latency}, allowed is more than 0: raise it")


def _check_rollout_time(rollout: Rollout, default: str, faults: Faults) -> None:
    waits = limits.rollout_waits(
        rollout.strategy or default,
        rollout.step_percent,
        rollout.wait_seconds,
        rollout.termination_wait_seconds,
    )
    low, high = limits.ROLLOUT_TIMEOUT_SECONDS
    if rollout.timeout_seconds is not None:
        faults.unless_between("rollout timeout_seconds", rollout.timeout_seconds, low, high)
    limit = rollout.timeout_seconds or high - limits.ROLLOUT_WORK_SECONDS
    if waits >= limit:
        faults.add(
            f"rollout waits {waits} seconds in all, allowed is less than {limit}: wait shorter"
            f"{' or raise timeout_seconds' if rollout.timeout_seconds else ' or in fewer steps'}"
        )
