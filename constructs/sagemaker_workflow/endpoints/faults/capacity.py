"""What is wrong with machines."""

from __future__ import annotations

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.specs import Instances, Routing
from sagemaker_workflow.faults import Faults, known
from sagemaker_workflow.model import Model


def check_instances(
    capacity: object,
    faults: Faults,
    *,
    model: Model | None = None,
    region: str | None = None,
    of: str = "",
) -> None:
    """Faults of the machines, where they are to be, and of the model on them; `of` names a variant.

    Where the region is not known, or nothing of the type in it, nothing is refused for it.
    """
    if not isinstance(capacity, Instances):
        faults.add(
            f"{of}capacity is {type(capacity).__name__}, allowed is Instances(...): use "
            "ServerlessEndpoint for an endpoint without instances"
        )
        return
    mine = Faults(of="")
    _check_types(capacity, mine)
    _check_pools(capacity, mine)
    if region is not None and known(region):
        _check_region(capacity, region, mine)
    mine.unless_between("count", capacity.count, *limits.INSTANCE_COUNT)
    _check_volume(capacity, mine)
    _check_ami(capacity, mine)
    for name, bounds in (
        ("provision_timeout_seconds", limits.PROVISION_TIMEOUT_SECONDS),
        ("startup_timeout_seconds", limits.STARTUP_TIMEOUT_SECONDS),
        ("download_timeout_seconds", limits.DOWNLOAD_TIMEOUT_SECONDS),
    ):
        if (seconds := getattr(capacity, name)) is not None:
            mine.unless_between(name, seconds, *bounds)
    _check_routing(capacity.routing, mine)
    if model is not None:
        check_processor(capacity, model, mine)
    faults.extend(f"{of}{one}" for one in mine.found)


def possible_types(capacity: Instances) -> list[str]:
    """Every type the machines may be of, as far as it is known."""
    chosen = [capacity.instance_type] if known(capacity.instance_type) else []
    return list(dict.fromkeys([*chosen, *capacity.allowed_types]))


def pooled_types(capacity: Instances) -> list[str]:
    """Those, and the ones that are taken where there is no capacity."""
    return list(dict.fromkeys([*possible_types(capacity), *capacity.fallback_types]))


def _check_types(capacity: Instances, faults: Faults) -> None:
    chosen = [capacity.instance_type] if known(capacity.instance_type) else []
    if not chosen and not capacity.allowed_types:
        faults.add(
            "instance_type is a parameter and allowed_types is empty: list what the parameter may "
            "become, so that each is checked"
        )
    if chosen and capacity.allowed_types and chosen[0] not in capacity.allowed_types:
        faults.add(
            f"instance_type is {chosen[0]!r}, allowed_types is "
            f"{', '.join(capacity.allowed_types)}: add it there or choose one of these"
        )
    for instance_type in pooled_types(capacity):
        if fault := limits.instance_type_fault(instance_type):
            faults.add(fault)


def _check_pools(capacity: Instances, faults: Faults) -> None:
    fallback, most = list(capacity.fallback_types), limits.INSTANCE_POOLS - 1
    if len(fallback) > most:
        faults.add(
            f"fallback_types are {len(fallback)}, allowed are up to {most}: a variant has "
            f"{limits.INSTANCE_POOLS} pools, the first of which is instance_type's; leave some out"
        )
    if repeated := sorted({one for one in fallback if fallback.count(one) > 1}):
        faults.add(f"fallback_types names {', '.join(repeated)} twice: leave one out")
    if both := [one for one in dict.fromkeys(fallback) if one in possible_types(capacity)]:
        faults.add(
            f"fallback_types has {', '.join(both)}, which instance_type is or may become: leave it "
            "out there"
        )
    if capacity.volume_gb is not None and (local := [*filter(limits.has_nvme, fallback)]):
        faults.add(
            f"volume_gb is {capacity.volume_gb}, and the pools share it: {', '.join(local)} of "
            "fallback_types has local storage of its own size; leave one of them out"
        )
    ami = capacity.ami_version
    if ami in limits.AMI_VERSIONS and (
        others := [one for one in fallback if not limits.ami_fits(ami, one)]
    ):
        faults.add(
            f"ami_version is {ami!r}, and the pools share it: it is not made for "
            f"{', '.join(others)} of fallback_types; leave one of them out"
        )


def _check_region(capacity: Instances, region: str, faults: Faults) -> None:
    for instance_type in pooled_types(capacity):
        fault = limits.region_fault(instance_type, region)
        if fault and instance_type not in capacity.types_known_here:
            faults.add(fault)


def _check_volume(capacity: Instances, faults: Faults) -> None:
    if capacity.volume_gb is None:
        return
    faults.unless_between("volume_gb", capacity.volume_gb, *limits.VOLUME_GB)
    types = possible_types(capacity)
    if types and all(map(limits.has_nvme, types)):
        faults.add(
            f"volume_gb is {capacity.volume_gb}, and {', '.join(types)} has local storage of its "
            "own size: leave volume_gb out, or choose a type without local storage"
        )


def _check_ami(capacity: Instances, faults: Faults) -> None:
    ami = capacity.ami_version
    if ami is None:
        return
    faults.unless_one_of("ami_version", ami, limits.AMI_VERSIONS)
    types = possible_types(capacity)
    if ami in limits.AMI_VERSIONS and types:
        if any(limits.ami_fits(ami, one) for one in types):
            return
        made_for = "Inferentia and Trainium" if "neuron" in ami else "NVIDIA GPUs"
        faults.add(
            f"ami_version is {ami!r}, which is made for {made_for}, and instance_type may be "
            f"{', '.join(types)}: leave ami_version out or choose another type"
        )


def _check_routing(routing: Routing, faults: Faults) -> None:
    faults.unless_one_of("routing strategy", routing.strategy, limits.ROUTING_STRATEGIES)
    given = {
        "prefix_length": (routing.prefix_length, limits.PREFIX_LENGTH),
        "concurrency_threshold": (routing.concurrency_threshold, limits.PREFIX_CONCURRENCY),
    }
    for name, (value, (low, high)) in given.items():
        if routing.strategy == "PREFIX_AWARE" and value is None:
            faults.add(
                f"routing {name} is missing, PREFIX_AWARE requires it: set it to {low} to {high}"
            )
        elif routing.strategy != "PREFIX_AWARE" and value is not None:
            faults.add(
                f"routing {name} is {value}, which means nothing for {routing.strategy}: leave it "
                "out, or use PREFIX_AWARE"
            )
        elif value is not None:
            faults.unless_between(f"routing {name}", value, low, high)


def check_processor(capacity: Instances, model: Model, faults: Faults) -> None:
    """Faults of the model's image on a type the machines may be of."""
    types = pooled_types(capacity)
    if model.needs_gpu and (without := [one for one in types if not limits.has_gpu(one)]):
        faults.add(
            f"the image is built for a GPU, and instance_type may be {', '.join(without)}, which "
            "has none: choose GPU types, such as ml.g5.xlarge, or a CPU image"
        )
    if model.needs_x86 and (arm := [one for one in types if limits.is_arm(one)]):
        faults.add(
            f"the image is built for x86_64, and instance_type may be {', '.join(arm)}, which is "
            "arm64: choose an x86 type, such as ml.m5.xlarge, or an image built for arm64"
        )
