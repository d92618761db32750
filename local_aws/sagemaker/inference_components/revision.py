"""What the copies of a component run and need, taken from one request."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws.runtime.containers import ContainerSpec
from local_aws.sagemaker import containers, models, roles, store
from local_aws.sagemaker.errors import invalid, refuse
from local_aws.sagemaker.inference_components.hardware import Hardware
from local_aws.sagemaker.inference_components.pool import Pool

Params = Mapping[str, Any]
_STARTUP_SECONDS = 480  # contracts.md 2.2: the default start-up window of a hosted container


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """One specification of a component, checked; `given` is the request's own part."""

    given: dict[str, Any]
    container: ContainerSpec
    image: str
    need: Hardware
    startup_seconds: int
    binpack: bool
    resolved: float

    def described(self) -> dict[str, Any]:
        """Specification or Specifications as DescribeInferenceComponent answers them."""
        if "Specifications" in self.given:  # the service tells no image of these
            return {"Specifications": [_without_image(s) for s in self.given["Specifications"]]}
        summary = _without_image(self.given["Specification"])
        if "Container" in summary:
            image = {"SpecifiedImage": self.image, "ResolvedImage": self.image}
            summary["Container"]["DeployedImage"] = image | {"ResolutionTime": self.resolved}
        return {"Specification": summary}


def revision(params: Params, config: Params, pool: Pool) -> Revision:
    """The revision a request asks for; ValidationException with every fault of it.

    The endpoint configuration's role reads image and artifact and runs the copies.
    """
    specification = _specification(params, pool)
    faults = list(_faults(specification, pool))
    if faults:
        refuse(faults)
    role = config["ExecutionRoleArn"]
    definition, isolated = _container(specification, role)
    owner = {
        "ExecutionRoleArn": role,
        "EnableNetworkIsolation": isolated or config.get("EnableNetworkIsolation", False),
    }
    startup = specification.get("StartupParameters", {})
    strategy = specification.get("SchedulingConfig", {}).get("PlacementStrategy")
    members = ("Specification", "Specifications")
    return Revision(
        given={k: params[k] for k in members if k in params},
        container=containers.spec(owner, definition),
        image=definition["Image"],
        need=_need(specification),
        startup_seconds=startup.get(
            "ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS
        ),
        binpack=strategy == "BINPACK",
        resolved=store.now(),
    )


def _specification(params: Params, pool: Pool) -> Params:
    """The one specification for the endpoint's instance type."""
    given = [k for k in ("Specification", "Specifications") if k in params]
    if len(given) != 1:
        raise invalid("An inference component takes exactly one of Specification, Specifications")
    if given == ["Specification"]:
        return dict(params["Specification"])
    several = params["Specifications"]
    types = [s.get("InstanceType") for s in several]
    if len(several) > 1 and None in types:
        raise invalid("Each of several Specifications names its InstanceType")
    for specification in several:
        if specification.get("InstanceType") in (None, pool.instance_type):
            return dict(specification)
    raise invalid(
        f"Specifications are for {', '.join(map(str, types))}, and the variant's instances are "
        f"{pool.instance_type}"
    )


def _faults(specification: Params, pool: Pool) -> Iterator[str]:
    if "BaseInferenceComponentName" in specification:
        yield "Adapter inference components (BaseInferenceComponentName) are not served locally"
        return
    if ("ModelName" in specification) == ("Container" in specification):
        yield "Specification takes exactly one of ModelName and Container"
    artifact = specification.get("Container", {}).get("ArtifactUrl", ".tar.gz")
    if not artifact.endswith(".tar.gz"):
        yield f"ArtifactUrl must be one .tar.gz file, got {artifact}"
    if "Container" in specification and "Image" not in specification["Container"]:
        yield "Container needs an Image"
    needs = specification.get("ComputeResourceRequirements")
    if needs is None:
        yield "ComputeResourceRequirements is required"
        return
    if "AcceleratorPartitionType" in needs:
        yield "Accelerator partitions (AcceleratorPartitionType) are not served locally"
    least, most = needs["MinMemoryRequiredInMb"], needs.get("MaxMemoryRequiredInMb")
    if most is not None and most < least:
        yield (
            f"MaxMemoryRequiredInMb ({most}) must not be less than MinMemoryRequiredInMb ({least})"
        )
    fault = pool.fault(_need(specification))
    if fault:
        yield fault


def _need(specification: Params) -> Hardware:
    needs = specification["ComputeResourceRequirements"]
    return Hardware(
        cpus=needs.get("NumberOfCpuCoresRequired", 0),
        memory_mb=needs["MinMemoryRequiredInMb"],
        accelerators=needs.get("NumberOfAcceleratorDevicesRequired", 0),
    )


def _container(specification: Params, role: str) -> tuple[dict[str, Any], bool]:
    """The container definition, and whether its model asks for network isolation."""
    if "ModelName" in specification:
        model = models.require(specification["ModelName"])
        return models.container(model), bool(model["EnableNetworkIsolation"])
    container = specification["Container"]
    roles.require_image(role, container["Image"])
    definition = {"Image": container["Image"], "Environment": container.get("Environment", {})}
    if "ArtifactUrl" in container:
        roles.require_model_data(role, container["ArtifactUrl"])
        definition["ModelDataUrl"] = container["ArtifactUrl"]
    return definition, False


def _without_image(specification: Params) -> dict[str, Any]:
    if "Container" not in specification:
        return dict(specification)
    rest = {k: v for k, v in specification["Container"].items() if k != "Image"}
    return {**specification, "Container": rest}
