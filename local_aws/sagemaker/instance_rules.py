"""What a production variant may not say about its instances (contracts.md 3.3)."""

from collections.abc import Iterator, Mapping
from typing import Any

Params = Mapping[str, Any]
# The SageMaker SDK's own rule (sagemaker.core.common_utils.volume_size_supported): a "d" in the
# family means local storage, and so do these; the service attaches no volume to either.
_LOCAL_STORAGE = ("g5", "g6", "g7e", "p5", "p6-b200", "trn1", "trn2")


def faults(variant: Params) -> Iterator[str]:
    """Every rule about instances that the variant breaks."""
    name = variant["VariantName"]
    local = [kind for kind in types(variant) if has_local_storage(kind)]
    if "VolumeSizeInGB" in variant and local:
        kind = ", ".join(local)
        yield (
            f"VolumeSizeInGB is not supported for the instance type {kind} of variant {name}: it "
            "has local storage of a fixed size, and no volume is attached. Leave it out"
        )
    yield from _routing_faults(name, variant.get("RoutingConfig", {}))


def types(variant: Params) -> list[str]:
    """The variant's type, or those of its pools in the order they are tried."""
    if "InstancePools" not in variant:
        return [variant["InstanceType"]]
    pools = sorted(variant["InstancePools"], key=lambda pool: pool["Priority"])
    return [pool["InstanceType"] for pool in pools]


def has_local_storage(instance_type: str) -> bool:
    """Whether the type brings NVMe storage of its own."""
    family = instance_type.removeprefix("ml.").split(".")[0]
    return "d" in family or family.startswith(_LOCAL_STORAGE)


def _routing_faults(name: str, routing: Params) -> Iterator[str]:
    prefix = routing.get("PrefixAwareRoutingConfig")
    strategy = routing.get("RoutingStrategy")
    if strategy == "PREFIX_AWARE" and not prefix:
        yield f"RoutingStrategy PREFIX_AWARE of variant {name} needs a PrefixAwareRoutingConfig"
    if prefix and strategy != "PREFIX_AWARE":
        yield (
            f"PrefixAwareRoutingConfig of variant {name} is only for RoutingStrategy "
            f"PREFIX_AWARE, and the strategy is {strategy}"
        )
