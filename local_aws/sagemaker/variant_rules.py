"""What an endpoint configuration may not say (contracts.md 3, 4 and 5)."""

from collections.abc import Iterator, Mapping
from typing import Any

from local_aws.sagemaker import containers, instance_rules, models, shadow_rules
from local_aws.sagemaker.inference_components import config_rules as component_rules

Params = Mapping[str, Any]
_MEMORY_STEP_MB = 1024  # contracts.md 4: 1024 to 6144 MB in steps of 1024
_INSTANCE_FIELDS = (
    "InstanceType",
    "InitialInstanceCount",
    "AcceleratorType",
    "VolumeSizeInGB",
    "InferenceAmiVersion",
    "InstancePools",
    "ManagedInstanceScaling",
)


def faults(params: Params) -> Iterator[str]:
    """Every rule the configuration breaks; the order is the order of its variants."""
    variants = params["ProductionVariants"]
    shadows = params.get("ShadowProductionVariants", [])
    names = [variant["VariantName"] for variant in (*variants, *shadows)]
    if len(set(names)) != len(names):
        yield f"Variant names must be unique, got {', '.join(names)}"
    if shadows:
        yield from shadow_rules.faults(params)
    if params.get("AsyncInferenceConfig"):
        yield from _asynchronous_faults(params)
    if any("ServerlessConfig" in variant for variant in variants):
        yield from _serverless_faults(params)
    for variant in variants:
        yield from _variant_faults(variant)
    yield from component_rules.faults(params)


def _variant_faults(variant: Params) -> Iterator[str]:
    name = variant["VariantName"]
    if "ModelName" not in variant:
        return  # it holds inference components
    model = models.require(variant["ModelName"])
    if "ServerlessConfig" in variant:
        yield from _serverless_variant_faults(variant, model)
    elif not _on_instances(variant):
        yield (f"Variant {name} needs InstanceType and InitialInstanceCount, or a ServerlessConfig")
    else:
        yield from instance_rules.faults(variant)


def _on_instances(variant: Params) -> bool:
    """Guide, "Deploy to multiple instance types": InstancePools stands in InstanceType's place."""
    return "InitialInstanceCount" in variant and ("InstanceType" in variant) != (
        "InstancePools" in variant
    )


def _asynchronous_faults(params: Params) -> Iterator[str]:
    variants = params["ProductionVariants"]
    if len(variants) > 1:
        yield "AsyncInferenceConfig supports one production variant, got " + str(len(variants))
    if any("ServerlessConfig" in variant for variant in variants):
        yield "AsyncInferenceConfig and ServerlessConfig cannot be combined"
    if any("ModelName" not in variant for variant in variants):
        yield "AsyncInferenceConfig does not support inference components"
    for variant in variants:
        if any(map(containers.multi_model, _containers(variant))):
            # API, InvokeEndpointAsync: it has no TargetModel, so no request could name a model.
            yield (
                f"AsyncInferenceConfig cannot serve variant {variant['VariantName']}: "
                "InvokeEndpointAsync has no TargetModel for its multi-model container"
            )


def _containers(variant: Params) -> list[dict[str, Any]]:
    if "ModelName" not in variant:
        return []
    return models.all_containers(models.require(variant["ModelName"]))


def _serverless_faults(params: Params) -> Iterator[str]:
    if len(params["ProductionVariants"]) > 1:
        yield "A serverless endpoint supports one production variant, got " + str(
            len(params["ProductionVariants"])
        )
    for member in ("DataCaptureConfig", "VpcConfig", "ExplainerConfig"):
        if params.get(member):
            yield f"A serverless endpoint does not support {member}"
    if params.get("EnableNetworkIsolation"):
        yield "A serverless endpoint does not support EnableNetworkIsolation"


def _serverless_variant_faults(variant: Params, model: Params) -> Iterator[str]:
    name, config = variant["VariantName"], variant["ServerlessConfig"]
    given = [member for member in _INSTANCE_FIELDS if member in variant]
    if given:
        yield f"Serverless variant {name} must not have {', '.join(given)}"
    memory = config["MemorySizeInMB"]
    if memory % _MEMORY_STEP_MB:
        yield (
            f"MemorySizeInMB of variant {name} must be one of 1024, 2048, 3072, 4096, 5120, 6144, "
            f"got {memory}"
        )
    provisioned = config.get("ProvisionedConcurrency", 0)
    if provisioned > config["MaxConcurrency"]:
        yield (
            f"ProvisionedConcurrency ({provisioned}) of variant {name} must not exceed "
            f"MaxConcurrency ({config['MaxConcurrency']})"
        )
    yield from _serverless_model_faults(model)


def _serverless_model_faults(model: Params) -> Iterator[str]:
    name, (container, *more) = model["ModelName"], models.all_containers(model)
    if more:
        yield f"Model {name} is an inference pipeline, which serverless does not support"
    if container.get("ModelDataSource"):
        yield f"Model {name} uses ModelDataSource, which serverless endpoints do not support"
    if containers.multi_model(container):
        yield f"Model {name} is a multi-model container, which serverless does not support"
    if model.get("VpcConfig"):
        yield f"Model {name} has a VpcConfig, which serverless endpoints do not support"
    if model.get("EnableNetworkIsolation"):
        yield f"Model {name} has network isolation, which serverless endpoints do not support"
    if "-gpu" in container["Image"].rsplit(":", 1)[-1]:
        yield f"Model {name} uses a GPU image, and serverless endpoints have no GPU"
