"""What an endpoint configuration may not say about inference components (contracts.md 3.4)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Params = Mapping[str, Any]


def faults(params: Params) -> Iterator[str]:
    """Every rule the configuration breaks with its variants that name no model."""
    variants = params["ProductionVariants"]
    without = [variant for variant in variants if "ModelName" not in variant]
    for variant in variants:
        if "ModelName" in variant and "ManagedInstanceScaling" in variant:
            yield (
                "ManagedInstanceScaling is only supported for inference component endpoints: "
                f"variant {variant['VariantName']} names a model"
            )
    if not without:
        return
    if len(without) != len(variants):
        yield (
            "Either every production variant names a model or none does: "
            f"{_names(v for v in variants if 'ModelName' in v)} does, {_names(without)} does not"
        )
    if "ExecutionRoleArn" not in params:
        yield (
            "ExecutionRoleArn is required for an endpoint that holds inference components: "
            f"{_names(without)} names no model"
        )
    for variant in without:
        yield from _variant_faults(variant)


def _variant_faults(variant: Params) -> Iterator[str]:
    name = variant["VariantName"]
    if "ServerlessConfig" in variant:
        yield f"Serverless variant {name} needs a ModelName: it holds no inference components"
        return
    if "InstanceType" not in variant or "InitialInstanceCount" not in variant:
        yield f"Variant {name} needs InstanceType and InitialInstanceCount"
    scaling = variant.get("ManagedInstanceScaling", {})
    least, most = scaling.get("MinInstanceCount"), scaling.get("MaxInstanceCount")
    if least is not None and most is not None and least > most:
        yield (
            f"MinInstanceCount ({least}) of variant {name} must not exceed MaxInstanceCount "
            f"({most})"
        )


def _names(variants: Iterable[Params]) -> str:
    return ", ".join(variant["VariantName"] for variant in variants)
