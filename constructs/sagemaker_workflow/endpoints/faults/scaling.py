"""What is wrong with the bounds and targets of scaling."""

from __future__ import annotations

import re

from sagemaker_workflow.autoscaling import Follows, Metric, Schedule
from sagemaker_workflow.autoscaling.spec import loads
from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.specs import Scaling
from sagemaker_workflow.faults import Faults, known
from sagemaker_workflow.schedules.moments import moment_fault, timezone_fault

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def check_scaling(
    scaling: Scaling | None,
    *,
    lowest: int,
    unit: str,
    faults: Faults,
    kind: Follows = "invocations",
) -> None:
    """Collect what is wrong; `kind` is the load this kind of endpoint follows by itself."""
    if scaling is None:
        return
    low, high = scaling.min_capacity, scaling.max_capacity
    faults.unless_between(
        f"scaling min_capacity ({unit})",
        low,
        lowest,
        limits.INSTANCE_COUNT[1],
        "only an asynchronous endpoint goes down to zero" if lowest else "",
    )
    faults.unless_between(f"scaling max_capacity ({unit})", high, 1, limits.INSTANCE_COUNT[1])
    if known(low) and known(high) and low > high:
        faults.add(
            f"scaling min_capacity is {low}, allowed is at most max_capacity, {high}: lower it or "
            "raise max_capacity"
        )
    if scaling.target is not None and known(scaling.target) and scaling.target <= 0:
        faults.add(f"scaling target is {scaling.target}, allowed is more than 0: raise it")
    for name in ("scale_in_cooldown_seconds", "scale_out_cooldown_seconds"):
        faults.unless_between(f"scaling {name}", getattr(scaling, name), 0, 86400)
    _check_load(scaling, kind, faults)
    for name, one in scaling.schedules.items():
        _check_schedule(name, one, lowest, faults)


def _check_load(scaling: Scaling, kind: Follows, faults: Faults) -> None:
    follows = scaling.follows
    if isinstance(follows, Metric):
        if scaling.target is None:
            faults.add(
                f"scaling follows the metric {follows.name!r} without a target: set target to "
                "what one unit of capacity should carry"
            )
        if follows.namespace.startswith("AWS/SageMaker") and not follows.dimensions:
            faults.add(
                f"scaling follows {follows.name!r} of {follows.namespace} without dimensions, "
                "which the service publishes nothing under: write EndpointName and VariantName"
            )
        if not follows.name or not follows.namespace:
            faults.add(
                f"scaling follows the metric {follows.namespace!r} {follows.name!r}, allowed are "
                "a namespace and a name: write both as CloudWatch shows them"
            )
        return
    if follows is not None:
        faults.unless_one_of(
            "scaling follows",
            follows,
            loads(kind),
            "the service publishes no other load of this kind; follow a Metric of your own",
        )


def _check_schedule(name: str, schedule: Schedule, lowest: int, faults: Faults) -> None:
    of = f"scaling schedule {name}"
    if not _NAME.fullmatch(name):
        faults.add(
            f"{of!r}: its name is part of the action's, allowed are up to 63 letters, digits and "
            "inner hyphens: rename it"
        )
    if fault := moment_fault(f"{of} at", schedule.at):
        faults.add(fault)
    if fault := timezone_fault(f"{of} timezone", schedule.timezone):
        faults.add(fault)
    low, high = schedule.min_capacity, schedule.max_capacity
    faults.unless_between(f"{of} min_capacity", low, lowest, limits.INSTANCE_COUNT[1])
    faults.unless_between(
        f"{of} max_capacity",
        high,
        1,
        limits.INSTANCE_COUNT[1],
        "to stop it, give the endpoint hours" if known(high) and high < 1 else "",
    )
    if known(low) and known(high) and low > high:
        faults.add(
            f"{of} min_capacity is {low}, allowed is at most its max_capacity, {high}: lower it or "
            "raise max_capacity"
        )
