"""The operations on inference components (botocore's model of SageMaker; contracts.md 3.4)."""

from functools import partial
from typing import Any

from local_aws.sagemaker import listing, store, tags
from local_aws.sagemaker.arns import arn
from local_aws.sagemaker.deployment.endpoint import Endpoint
from local_aws.sagemaker.deployment.endpoint import require as require_endpoint
from local_aws.sagemaker.errors import invalid, refuse
from local_aws.sagemaker.inference_components import rolling, work
from local_aws.sagemaker.inference_components.component import Component, require
from local_aws.sagemaker.inference_components.pool import Pool
from local_aws.sagemaker.inference_components.revision import revision
from local_aws.sagemaker.threads import spawn

_LISTING = listing.Listing(
    result="InferenceComponents",
    name="InferenceComponentName",
    summary=(
        "InferenceComponentName",
        "InferenceComponentArn",
        "EndpointArn",
        "EndpointName",
        "VariantName",
        "InferenceComponentStatus",
        "CreationTime",
        "LastModifiedTime",
    ),
    status="InferenceComponentStatus",
)


def create(params: dict[str, Any]) -> dict[str, Any]:
    """The component is Creating; it becomes InService or Failed on its own."""
    name = params["InferenceComponentName"]
    component_arn = arn("inference-component", name)
    taken = f'Cannot create already existing inference component "{component_arn}".'
    if store.inference_components.get(name.lower()) is not None:
        raise invalid(taken)
    endpoint = require_endpoint(params["EndpointName"])
    variant_name, pool = _place(endpoint, params.get("VariantName"))
    count = params.get("RuntimeConfig", {}).get("CopyCount")
    first = revision(params, endpoint.config, pool)
    if not count:
        raise invalid(
            "RuntimeConfig.CopyCount of a new inference component must be an integer larger than "
            f"0, got {count}; scale it to 0 when it is InService"
        )
    component = Component(name, endpoint, variant_name, first)
    component.desired = count
    if not store.inference_components.add(name.lower(), component):
        raise invalid(taken)
    tags.attach(component_arn, params.get("Tags"))
    spawn(f"create-{name}", partial(work.create, component))
    return {"InferenceComponentArn": component_arn}


def describe(params: dict[str, Any]) -> dict[str, Any]:
    return require(params["InferenceComponentName"]).describe()


def listed(params: dict[str, Any]) -> dict[str, Any]:
    endpoint, variant = params.get("EndpointNameEquals"), params.get("VariantNameEquals")
    shown = [
        described
        for described in (c.describe() for c in store.inference_components)
        if endpoint in (None, described["EndpointName"])
        and variant in (None, described["VariantName"])
    ]
    return listing.answer(_LISTING, shown, params)


def update(params: dict[str, Any]) -> dict[str, Any]:
    """The component is Updating: new copies take over from old ones, all at once or in batches."""
    component = require(params["InferenceComponentName"])
    _require_live(component)
    count = params.get("RuntimeConfig", {}).get("CopyCount", component.desired)
    new = component.revision
    if "Specification" in params or "Specifications" in params:
        new = revision(params, component.endpoint.config, component.pool)
    deployment = params.get("DeploymentConfig")
    if deployment:
        faults = list(rolling.faults(deployment, max(count, len(component.copies))))
        if faults:
            refuse(faults)
    component.begin("UPDATE", "Updating")
    _want(component, count)
    if deployment:
        component.deployment_config = deployment
    changed: Any = (
        partial(work.scale, component)
        if new is component.revision
        else partial(work.update, component, new, count, deployment)
    )
    spawn(f"update-{component.name}", changed)
    return {"InferenceComponentArn": component.arn}


def update_runtime_config(params: dict[str, Any]) -> dict[str, Any]:
    """The component is Updating until it has as many copies as desired; 0 is allowed."""
    component = require(params["InferenceComponentName"])
    _require_live(component)
    component.begin("UPDATE_RC", "Updating")
    _want(component, params["DesiredRuntimeConfig"]["CopyCount"])
    spawn(f"scale-{component.name}", partial(work.scale, component))
    return {"InferenceComponentArn": component.arn}


def delete(params: dict[str, Any]) -> dict[str, Any]:
    """The component is Deleting and soon gone."""
    component = require(params["InferenceComponentName"])
    component.begin("DELETE", "Deleting")
    spawn(f"delete-{component.name}", partial(work.delete, component))
    return {}


def _place(endpoint: Endpoint, variant_name: str | None) -> tuple[str, Pool]:
    """The variant the component goes to, and its instances."""
    variants = {v["VariantName"]: v for v in endpoint.config["ProductionVariants"]}
    if any("ModelName" in variant for variant in variants.values()):
        raise invalid(
            "Inference Components are not supported in this Endpoint. Please make sure this "
            "endpoint can deploy inference components."
        )
    if endpoint.status != "InService":
        raise invalid(
            f'Cannot create an inference component on endpoint "{endpoint.arn}" with status '
            f'"{endpoint.status}": it must be "InService".'
        )
    if variant_name is None and len(variants) == 1:
        variant_name = next(iter(variants))
    slot = endpoint.fleet.slots.get(variant_name or "")
    if slot is None or slot.pool is None:
        raise invalid(
            f'Could not find variant "{variant_name}" of endpoint "{endpoint.arn}"; it has: '
            f"{', '.join(variants)}"
        )
    return slot.name, slot.pool


def _require_live(component: Component) -> None:
    """A failed component, or one whose endpoint is gone, can only be deleted."""
    if component.status == "Failed":
        raise invalid(f'Cannot update inference component "{component.arn}" with status "Failed".')
    if store.endpoints.get(component.endpoint.name.lower()) is not component.endpoint:
        raise invalid(f'Could not find endpoint "{component.endpoint.arn}".')


def _want(component: Component, count: int) -> None:
    with store.lock:
        component.desired = count
