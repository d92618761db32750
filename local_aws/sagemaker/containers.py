"""The container of a model as it will run: a definition, or what a model package says."""

from collections.abc import Mapping
from typing import Any

from local_aws.runtime.containers import ContainerSpec
from local_aws.sagemaker import registry
from local_aws.sagemaker.errors import invalid


def resolved(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition with image, artifact and environment, from its model package if it names one.

    Raises ValidationException for a package that is missing or not approved.
    """
    package_arn = definition.get("ModelPackageName")
    if package_arn is None:
        if "Image" not in definition:
            raise invalid("A container needs either Image or ModelPackageName")
        return dict(definition)
    if "Image" in definition:
        raise invalid("A container takes either Image or ModelPackageName, not both")
    package = registry.deployable(package_arn)
    wanted = definition.get("InferenceSpecificationName")
    specification = _specification(package, wanted)
    containers = specification["Containers"]
    if len(containers) != 1:
        raise invalid(f"{package_arn} holds {len(containers)} containers; one is served locally")
    container = dict(containers[0])
    container["Environment"] = {
        **container.get("Environment", {}),
        **definition.get("Environment", {}),
    }
    return container


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
    )


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
