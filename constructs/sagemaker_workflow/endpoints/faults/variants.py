"""What is wrong with several models behind one endpoint, and with a shadow."""

from __future__ import annotations

from collections.abc import Sequence

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.faults.capacity import check_instances
from sagemaker_workflow.endpoints.faults.scaling import check_scaling
from sagemaker_workflow.endpoints.specs import Instances, Rollout, Shadow, Variant
from sagemaker_workflow.faults import Faults, known
from sagemaker_workflow.model import Model


def check_choice(
    model: Model | None, variants: Sequence[Variant], beside: Sequence[str], faults: Faults
) -> None:
    """One model, or variants that have theirs; `beside` are arguments each variant has itself."""
    if model is None and not variants:
        faults.add("nothing is served: give model=, or variants=[Variant(...)] for several")
    if model is not None and variants:
        faults.add(
            f"model and {len(variants)} variants are given, allowed is one of both: make the model "
            "one of the variants"
        )
    for name in beside if variants else ():
        faults.add(
            f"{name} is given beside variants, each of which has its own: move it into Variant"
        )


def check_variants(
    variants: Sequence[Variant], rollout: Rollout, faults: Faults, *, region: str | None = None
) -> None:
    if not variants:
        return
    low, high = limits.VARIANTS
    if len(variants) > high:
        faults.add(
            f"{len(variants)} variants are given, allowed is {low} to {high}: serve the others "
            "from another endpoint"
        )
    names = [one.name for one in variants]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        faults.add(
            f"variant name {', '.join(map(repr, repeated))} is given twice, allowed are distinct "
            "names: rename one"
        )
    for one in variants:
        if fault := limits.variant_name_fault(one.name):
            faults.add(fault)
        if known(one.weight) and one.weight < 0:
            faults.add(
                f"variant {one.name}: weight is {one.weight}, allowed is 0 or more: raise it"
            )
        of = f"variant {one.name}: " if len(variants) > 1 else ""
        capacity = one.capacity or Instances()
        check_instances(capacity, faults, model=one.model, region=region, of=of)
        mine = Faults(of="")
        check_scaling(one.scaling, lowest=1, unit="instances", faults=mine)
        faults.extend(f"{of}{fault}" for fault in mine.found)
    if all(known(one.weight) and one.weight == 0 for one in variants):
        faults.add("every weight is 0, so that no request is answered: raise one above 0")
    if rollout.strategy == "rolling" and len(variants) > 1:
        faults.add(
            f"rollout strategy is 'rolling', which the service does not do for {len(variants)} "
            "variants: use canary, linear or all_at_once"
        )


def check_shadow(
    shadow: Shadow | None,
    variants: Sequence[Variant],
    faults: Faults,
    *,
    region: str | None = None,
) -> None:
    """Excluded: serverless, asynchronous, several containers, several models (API reference,
    CreateEndpointConfig; guide, shadow tests)."""
    if shadow is None:
        return
    if len(variants) > 1:
        faults.add(
            f"shadow is given beside {len(variants)} variants, allowed is one variant: compare "
            "several by weight, or shadow one"
        )
    if known(shadow.share) and not 0 < shadow.share <= 1:
        faults.add(
            f"shadow share is {shadow.share}, allowed is above 0 and up to 1: write 0.5 for half "
            "of the requests"
        )
    if fault := limits.variant_name_fault(shadow.name):
        faults.add(fault)
    if shadow.name in [one.name for one in variants]:
        faults.add(f"shadow name is {shadow.name!r}, as of a variant: rename it")
    if shadow.capacity is not None:
        check_instances(shadow.capacity, faults, model=shadow.model, region=region, of="shadow: ")
    served = {"shadow": shadow.model, **{f"variant {one.name}": one.model for one in variants}}
    for name, model in served.items():
        if len(model.containers) > 1 or model.is_multi_model:
            faults.add(
                f"{name} has several containers or loads several models, which a shadow test does "
                "not support: serve one container, or leave shadow out"
            )
