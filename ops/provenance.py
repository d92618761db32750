"""What an endpoint runs, beside what was trained and approved: bytes by digest, not by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops import archive, aws
from ops.endpoints import Endpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """One running image of an endpoint, and the model package it serves."""

    where: str  # a variant, or an inference component
    running: str  # the image that SageMaker resolved, by digest
    package: str = ""  # ARN; empty for a model that was not registered
    facts: tuple[tuple[str, str], ...] = ()
    faults: tuple[str, ...] = ()


# In the order in which a model came to be.
_FACTS = (
    *("dataset", "version", "manifest", "training_job", "trainer_image", "trainer_code"),
    "model_digest",
)


def origins(endpoint: Endpoint) -> list[Origin]:
    """Where everything that the endpoint runs comes from, and what does not agree with that."""
    sagemaker = aws.client("sagemaker")
    return [_origin(sagemaker, *found) for found in _running(sagemaker, endpoint)]


def _running(sagemaker: Any, endpoint: Endpoint) -> Iterator[tuple[str, str, str]]:
    """Where, the resolved image and the model's name."""
    if endpoint.component:
        told = sagemaker.describe_inference_component(InferenceComponentName=endpoint.component)
        specification = told["Specification"]
        image = specification.get("Container", {}).get("DeployedImage", {}).get("ResolvedImage", "")
        yield endpoint.component, image, specification.get("ModelName", "")
        return
    told = sagemaker.describe_endpoint(EndpointName=endpoint.name)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=told["EndpointConfigName"])
    configured = [
        *config["ProductionVariants"],
        *config.get("ShadowProductionVariants", []),
    ]
    models = {one["VariantName"]: one.get("ModelName", "") for one in configured}
    for variant in [*told.get("ProductionVariants", []), *told.get("ShadowProductionVariants", [])]:
        for image in variant.get("DeployedImages", []):
            name = variant["VariantName"]
            yield name, image["ResolvedImage"], models.get(name, "")


def _origin(sagemaker: Any, where: str, running: str, model: str) -> Origin:
    package = _package_of(sagemaker, model)
    if not package:
        fault = f"model {model or '(none)'} is of no model package: nothing says where it is from"
        return Origin(where=where, running=running, faults=(fault,))
    told = sagemaker.describe_model_package(ModelPackageName=package)
    evidence = told.get("CustomerMetadataProperties") or {}
    facts = {name: evidence[name] for name in _FACTS if name in evidence}
    facts.setdefault("model_digest", archive.UNKNOWN)
    now = archive.compared(told, evidence)
    faults = [*_faults(sagemaker, running, told, evidence), *now.faults]
    return Origin(
        where=where,
        running=running,
        package=package,
        facts=(*facts.items(), ("archive", now.state)),
        faults=tuple(faults),
    )


def _faults(
    sagemaker: Any, running: str, package: dict[str, Any], evidence: dict[str, str]
) -> Iterator[str]:
    if package.get("ModelApprovalStatus") != "Approved":
        yield f"the package is {package.get('ModelApprovalStatus')}, not Approved"
    registered = evidence.get("inference_image", "")
    digest = registered.rpartition("@")[2] if "@sha256:" in registered else ""
    if not digest:
        yield "the package names no inference_image by digest: register a model anew"
    elif not running.endswith(f"@{digest}"):
        yield f"it runs {running or 'an image that is not told'}, the package has {registered}"
    name = evidence.get("training_job", "")
    try:
        job = sagemaker.describe_training_job(TrainingJobName=name) if name else None
    except ClientError:
        job = None
    if job is None:
        yield f"training job {name or '(not named)'} is not there"
        return
    if job["AlgorithmSpecification"].get("TrainingImage") != evidence.get("trainer_image"):
        yield (
            f"{name} was trained by {job['AlgorithmSpecification'].get('TrainingImage')}, the"
            f" package has {evidence.get('trainer_image')}"
        )
    served = package["InferenceSpecification"]["Containers"][0].get("ModelDataUrl")
    trained = job["ModelArtifacts"]["S3ModelArtifacts"]
    if served != trained:
        yield f"the package serves {served}, {name} left {trained}"


def _package_of(sagemaker: Any, model: str) -> str:
    if not model:
        return ""
    told = sagemaker.describe_model(ModelName=model)
    containers = [told["PrimaryContainer"]] if "PrimaryContainer" in told else told["Containers"]
    return next(
        (str(one["ModelPackageName"]) for one in containers if "ModelPackageName" in one), ""
    )
