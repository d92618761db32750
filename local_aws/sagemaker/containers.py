"""The containers of a model as they will run: definitions, or what a model package says."""

from collections.abc import Mapping
from typing import Any

from local_aws.runtime.containers import ContainerSpec
from local_aws.sagemaker import registry
from local_aws.sagemaker.errors import invalid


def resolved(definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The definition with image, artifact and environment: several if its model package has them.

    Raises ValidationException for a package that is missing or not approved.
    """
    package_arn = definition.get("ModelPackageName")
    if package_arn is None:
        if "Image" not in definition:
            raise invalid("A container needs either Image or ModelPackageName")
        return [dict(definition)]
    if "Image" in definition:
        raise invalid("A container takes either Image or ModelPackageName, not both")
    package = registry.deployable(package_arn)
    wanted = definition.get("InferenceSpecificationName")
    specification = _specification(package, wanted)
    environment = definition.get("Environment", {})
    return [
        {**container, "Environment": {**container.get("Environment", {}), **environment}}
        for container in specification["Containers"]
    ]


def spec(model: Mapping[str, Any], definition: Mapping[str, Any]) -> ContainerSpec:
    """What the runtime starts: the model's container, under the model's role."""
    return ContainerSpec(
        image=definition["Image"],
        model_data_url=definition.get("ModelDataUrl"),
        model_data_source=definition.get("ModelDataSource"),
        environment=dict(definition.get("Environment", {})),
        role_arn=model["ExecutionRoleArn"],
        name=definition.get("ContainerHostname", "primary"),
        network_isolation=model["EnableNetworkIsolation"],
        multi_model=multi_model(definition),
        model_cache=definition.get("MultiModelConfig", {}).get("ModelCacheSetting") != "Disabled",
    )


def multi_model(definition: Mapping[str, Any]) -> bool:
    """Whether the container loads its models on demand (contracts.md 2.4)."""
    return definition.get("Mode") == "MultiModel"


def _specification(package: Mapping[str, Any], wanted: str | None) -> Mapping[str, Any]:
    if wanted is None:
        if "InferenceSpecification" not in package:
            raise invalid(f"{package['ModelPackageArn']} has no inference specification")
        return dict(package["InferenceSpecification"])
    additional = package.get("AdditionalInferenceSpecifications", [])
    for candidate in additional:
        if candidate["Name"] == wanted:
            return dict(candidate)
    names = ", ".join(c["Name"] for c in additional) or "none"
    raise invalid(
        f"{package['ModelPackageArn']} has no inference specification {wanted}; it has: {names}"
    )
