"""What an endpoint configuration may not say (contracts.md 3, 4 and 5)."""

from collections.abc import Iterator, Mapping
from typing import Any

from local_aws.sagemaker import models
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
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) != len(names):
        yield f"Variant names must be unique, got {', '.join(names)}"
    if params.get("ShadowProductionVariants"):
        yield "Shadow variants are not served locally"
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
    elif "InstanceType" not in variant or "InitialInstanceCount" not in variant:
        yield (f"Variant {name} needs InstanceType and InitialInstanceCount, or a ServerlessConfig")


def _asynchronous_faults(params: Params) -> Iterator[str]:
    variants = params["ProductionVariants"]
    if len(variants) > 1:
        yield "AsyncInferenceConfig supports one production variant, got " + str(len(variants))
    if any("ServerlessConfig" in variant for variant in variants):
        yield "AsyncInferenceConfig and ServerlessConfig cannot be combined"
    if any("ModelName" not in variant for variant in variants):
        yield "AsyncInferenceConfig does not support inference components"


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
    name, container = model["ModelName"], models.container(model)
    if container.get("ModelDataSource"):
        yield f"Model {name} uses ModelDataSource, which serverless endpoints do not support"
    if container.get("Mode") == "MultiModel":
        yield f"Model {name} is a multi-model container, which serverless does not support"
    if model.get("VpcConfig"):
        yield f"Model {name} has a VpcConfig, which serverless endpoints do not support"
    if model.get("EnableNetworkIsolation"):
        yield f"Model {name} has network isolation, which serverless endpoints do not support"
    if "-gpu" in container["Image"].rsplit(":", 1)[-1]:
        yield f"Model {name} uses a GPU image, and serverless endpoints have no GPU"
