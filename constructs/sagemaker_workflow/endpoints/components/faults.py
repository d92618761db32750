"""What the service would refuse about components, said before anything is deployed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from sagemaker_workflow.endpoints import faults as endpoint_faults
from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.components import spec
from sagemaker_workflow.endpoints.components.spec import (
    ComponentRollout,
    ComponentScaling,
    Copy,
    ManagedScaling,
)
from sagemaker_workflow.endpoints.specs import Instances
from sagemaker_workflow.faults import Faults, known
from sagemaker_workflow.gpus import gpus
from sagemaker_workflow.model import Model

if TYPE_CHECKING:
    from sagemaker_workflow.endpoints.components.construct import ComponentEndpoint

_NAME = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?")


def check_managed(managed: ManagedScaling, capacity: Instances, faults: Faults) -> None:
    low, high, count = managed.min_instances, managed.max_instances, capacity.count
    faults.unless_between("min_instances", low, 0, limits.INSTANCE_COUNT[1])
    faults.unless_between("max_instances", high, *limits.INSTANCE_COUNT)
    if known(low) and known(high) and low > high:
        faults.add(
            f"min_instances is {low}, allowed is at most max_instances, {high}: lower it or raise "
            "max_instances"
        )
    if known(count) and known(high) and count > high:
        faults.add(
            f"count is {count}, allowed is at most max_instances, {high}: lower it, the service "
            "adds instances itself"
        )
    if managed.scale_in is not None:
        faults.unless_one_of("scale_in", managed.scale_in, get_args(spec.ScaleIn))
        faults.unless_between("step_size", managed.step_size, *spec.STEP_SIZE)
        faults.unless_between("cooldown_minutes", managed.cooldown_minutes, *spec.SCALE_IN_MINUTES)


def check_pools(capacity: Instances, faults: Faults) -> None:
    if capacity.fallback_types or capacity.provision_timeout_seconds is not None:
        faults.add(
            "capacity has fallback_types or provision_timeout_seconds, which this construct does "
            "not pass on: leave them out"
        )


def check_name(name: str, faults: Faults) -> None:
    if not known(name):
        faults.add(
            "name is known at deployment only, allowed is a literal: permissions and the log "
            "group are made from it; write it, or leave it out"
        )
    elif len(name) > 63 or not _NAME.fullmatch(name):
        faults.add(
            f"name is {name!r} ({len(name)} characters), allowed are 1 to 63 letters, digits and "
            "inner hyphens: shorten or rename it"
        )


def check_copy(each: Copy, faults: Faults) -> None:
    faults.unless_between("memory_mb", each.memory_mb, *spec.MEMORY_MB)
    most = each.max_memory_mb
    if most is not None and most < each.memory_mb:
        faults.add(
            f"max_memory_mb is {most}, allowed is at least memory_mb, {each.memory_mb}: raise it "
            "or leave it out"
        )
    if each.cpus is not None:
        faults.unless_between("cpus", each.cpus, *spec.CPUS)
    if each.accelerators is not None and each.accelerators < 1:
        faults.add(
            f"accelerators is {each.accelerators}, allowed is 1 or more: leave it out for a model "
            "on the CPU"
        )
    for name in ("startup_timeout_seconds", "download_timeout_seconds"):
        low, high = limits.STARTUP_TIMEOUT_SECONDS
        faults.unless_between(name, getattr(each, name), low, high)


def check_room(each: Copy, types: Sequence[str], faults: Faults) -> None:
    """One copy has to fit on every type that an override may choose."""
    wanted = each.accelerators
    if wanted is None or wanted < 1:
        return
    for one in types:
        if not limits.has_gpu(one):
            faults.add(
                f"accelerators is {wanted} and {one} has no GPU: choose a type with one, or leave "
                "accelerators out"
            )
        elif one in gpus() and gpus()[one].count < wanted:
            faults.add(
                f"accelerators is {wanted}, allowed on {one} is at most {gpus()[one].count}, the "
                "GPUs it has: lower it or choose a larger type"
            )


def check_copies(copies: int, scaling: ComponentScaling | None, faults: Faults) -> None:
    if known(copies) and copies < 1:
        faults.add(
            f"copies is {copies}, allowed is 1 or more: a component starts awake, to show that it "
            "can; scaling=ComponentScaling(min_copies=0) lets it sleep afterwards"
        )
    if scaling is None:
        return
    low, high = scaling.min_copies, scaling.max_copies
    if known(low) and low < 0:
        faults.add(f"min_copies is {low}, allowed is 0 or more: raise it")
    if known(high) and high < 1:
        faults.add(f"max_copies is {high}, allowed is 1 or more: raise it")
    if known(low) and known(high) and low > high:
        faults.add(
            f"min_copies is {low}, allowed is at most max_copies, {high}: lower it or raise "
            "max_copies"
        )
    if known(copies) and known(high) and copies > high:
        faults.add(
            f"copies is {copies}, allowed is at most max_copies, {high}: lower it or raise "
            "max_copies"
        )
    faults.unless_one_of("follows", scaling.follows, get_args(spec.Follows))
    if scaling.target is not None and known(scaling.target) and scaling.target <= 0:
        faults.add(f"target is {scaling.target}, allowed is more than 0: raise it")
    for name in ("scale_in_cooldown_seconds", "scale_out_cooldown_seconds"):
        faults.unless_between(name, getattr(scaling, name), 0, 86400)


def check_rollout(rollout: ComponentRollout, faults: Faults) -> None:
    faults.unless_between("batch_percent", rollout.batch_percent, *spec.BATCH_PERCENT)
    faults.unless_between("wait_seconds", rollout.wait_seconds, *limits.WAIT_SECONDS)
    faults.unless_between(
        "timeout_seconds", rollout.timeout_seconds, *limits.ROLLOUT_TIMEOUT_SECONDS
    )


def check_model(endpoint: ComponentEndpoint, model: Model, faults: Faults) -> None:
    endpoint_faults.check_stack(endpoint, model, faults)
    endpoint_faults.check_processor(endpoint.capacity, model, faults)
    if len(model.containers) > 1 or model.is_multi_model:
        faults.add(
            "the model has several containers or loads several models, which a component does not "
            "take: serve one container, and add a component for each model"
        )
    if model.isolated is not endpoint.isolated:
        faults.add(
            f"the model has isolated={model.isolated} and the endpoint isolated="
            f"{endpoint.isolated}, allowed is the same on both: all containers of an endpoint are "
            "isolated, or none is"
        )
    if model.network is not None:
        faults.add(
            "the model is in a VPC of its own, but containers of an endpoint share its network: "
            "make it without"
        )
    if endpoint.condition is not None and model.condition is None:
        faults.add(
            "the endpoint has a condition and the model has none, so the component could be "
            "without its endpoint: make the model with a condition that includes the endpoint's"
        )
