"""What an endpoint configuration may not say about its shadow variant."""

from collections.abc import Iterator, Mapping
from typing import Any

from local_aws.sagemaker import containers, models

Params = Mapping[str, Any]


def faults(params: Params) -> Iterator[str]:
    """Every rule broken: one production variant, one shadow, both of plain instances.

    The number is the API's own rule (CreateEndpointConfig, ShadowProductionVariants).
    """
    shadows, variants = params["ShadowProductionVariants"], params["ProductionVariants"]
    for kind, found in (("ProductionVariants", variants), ("ShadowProductionVariants", shadows)):
        if len(found) > 1:
            yield (
                "An endpoint configuration with ShadowProductionVariants has one variant in each "
                f"of ProductionVariants and ShadowProductionVariants, got {len(found)} {kind}"
            )
    if params.get("AsyncInferenceConfig"):
        yield "ShadowProductionVariants and AsyncInferenceConfig cannot be combined"
    for variant in (*variants, *shadows):
        yield from _variant_faults(variant)
    for shadow in shadows:
        for member in ("ModelName", "InstanceType", "InitialInstanceCount"):
            if member not in shadow:
                yield f"Shadow variant {shadow['VariantName']} needs {member}"


def _variant_faults(variant: Params) -> Iterator[str]:
    name = variant["VariantName"]
    if "ServerlessConfig" in variant:
        yield f"ShadowProductionVariants do not support serverless variants such as {name}"
    if "ModelName" not in variant:
        return
    found = models.all_containers(models.require(variant["ModelName"]))
    if len(found) > 1:
        yield f"ShadowProductionVariants do not support multi-container models: variant {name}"
    if any(map(containers.multi_model, found)):
        yield f"ShadowProductionVariants do not support multi-model containers: variant {name}"
