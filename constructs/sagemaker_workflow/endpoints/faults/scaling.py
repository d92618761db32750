"""What is wrong with the bounds and targets of scaling."""

from __future__ import annotations

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.specs import Scaling
from sagemaker_workflow.faults import Faults, known


def check_scaling(scaling: Scaling | None, *, lowest: int, unit: str, faults: Faults) -> None:
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
