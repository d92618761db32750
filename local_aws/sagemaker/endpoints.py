"""Endpoints: what can be called, and how it is changed without being down."""

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

from local_aws import autoscaling
from local_aws.sagemaker import endpoint_configs, listing, models, roles, store, tags
from local_aws.sagemaker.arns import arn
from local_aws.sagemaker.deployment import plan, rollout
from local_aws.sagemaker.deployment.endpoint import BUSY, Endpoint, require
from local_aws.sagemaker.deployment.fleet import Kept
from local_aws.sagemaker.errors import invalid, refuse
from local_aws.sagemaker.threads import spawn

_LISTING = listing.Listing(
    result="Endpoints",
    name="EndpointName",
    summary=("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus"),
    status="EndpointStatus",
)
_COUNT_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def create(params: dict[str, Any]) -> dict[str, Any]:
    """The endpoint is Creating; it becomes InService or Failed on its own."""
    name = params["EndpointName"]
    endpoint_arn = arn("endpoint", name)
    config = copy.deepcopy(endpoint_configs.require(params["EndpointConfigName"]))
    _require_roles(config)
    endpoint = Endpoint(name, config)
    endpoint.deployment_config = params.get("DeploymentConfig")
    if not store.endpoints.add(name.lower(), endpoint):
        raise invalid(f'Cannot create already existing endpoint "{endpoint_arn}".')
    tags.attach(endpoint_arn, params.get("Tags"))
    endpoint.move("Creating")
    spawn(f"create-{name}", partial(rollout.create, endpoint))
    return {"EndpointArn": endpoint_arn}


def describe(params: dict[str, Any]) -> dict[str, Any]:
    return require(params["EndpointName"]).describe()


def listed(params: dict[str, Any]) -> dict[str, Any]:
    return listing.answer(_LISTING, [e.describe() for e in store.endpoints], params)


def delete(params: dict[str, Any]) -> dict[str, Any]:
    """The endpoint is Deleting and soon gone; its configuration and models stay."""
    with store.lock:
        endpoint = _idle(params["EndpointName"])
        endpoint.status = "Deleting"
    endpoint.move("Deleting")
    spawn(f"delete-{endpoint.name}", partial(rollout.delete, endpoint))
    return {}


def update(params: dict[str, Any]) -> dict[str, Any]:
    """The endpoint is Updating: the new fleet starts beside the old one, then traffic shifts."""
    config = copy.deepcopy(endpoint_configs.require(params["EndpointConfigName"]))
    _require_roles(config)
    with store.lock:
        endpoint = _idle(params["EndpointName"], failed=False)
        deployment = params.get("DeploymentConfig")
        if params.get("RetainDeploymentConfig"):
            deployment = endpoint.deployment_config
        kept = _kept(endpoint, params)
        faults = list(_update_faults(endpoint, config, deployment, kept))
        if faults:
            refuse(faults)
        endpoint.status = "Updating"
        endpoint.deployment_config = deployment
    endpoint.move("Updating")
    work = partial(
        rollout.update,
        endpoint,
        config,
        kept=kept,
        capture=_capture(endpoint, config, params),
        plan=plan.plan(deployment, _instances(config, kept)),
    )
    spawn(f"update-{endpoint.name}", work)
    return {"EndpointArn": endpoint.arn}


def update_weights_and_capacities(params: dict[str, Any]) -> dict[str, Any]:
    """The endpoint is Updating: variants scale and take their new weights in place."""
    with store.lock:
        endpoint = _idle(params["EndpointName"], failed=False)
        wanted = {w["VariantName"]: w for w in params["DesiredWeightsAndCapacities"]}
        faults = list(_scale_faults(endpoint, wanted))
        if faults:
            refuse(faults)
        targets = {}
        for name, want in wanted.items():
            slot = endpoint.fleet.slots[name]
            target = Kept(
                count=want.get("DesiredInstanceCount"),
                weight=want.get("DesiredWeight"),
                serverless=want.get("ServerlessUpdateConfig", {}),
            )
            slot.desired_serverless = {**slot.desired_serverless, **target.serverless}
            slot.desired_count = slot.count if target.count is None else target.count
            slot.desired_weight = slot.weight if target.weight is None else target.weight
            targets[name] = target
        endpoint.status = "Updating"
    endpoint.move("Updating")
    spawn(f"scale-{endpoint.name}", partial(rollout.scale, endpoint, targets))
    return {"EndpointArn": endpoint.arn}


def _idle(name: str, *, failed: bool = True) -> Endpoint:
    """The endpoint, if nothing is being done to it; a Failed one can only be deleted."""
    endpoint = require(name)
    if endpoint.status in BUSY:
        raise invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')
    if endpoint.status == "Failed" and not failed:
        raise invalid(f'Cannot update endpoint "{endpoint.arn}" with status "Failed".')
    return endpoint


def _kept(endpoint: Endpoint, params: Mapping[str, Any]) -> dict[str, Kept]:
    """Counts and weights of the running variants that the update must not reset."""
    if not params.get("RetainAllVariantProperties"):
        return {}
    reset = {p["VariantPropertyType"] for p in params.get("ExcludeRetainedVariantProperties", [])}
    return {
        name: Kept(
            count=None if "DesiredInstanceCount" in reset else slot.desired_count,
            weight=None if "DesiredWeight" in reset else slot.desired_weight,
        )
        for name, slot in endpoint.fleet.slots.items()
    }


def _capture(
    endpoint: Endpoint, config: Mapping[str, Any], params: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    reset = {p["VariantPropertyType"] for p in params.get("ExcludeRetainedVariantProperties", [])}
    if params.get("RetainAllVariantProperties") and "DataCaptureConfig" not in reset:
        return endpoint.capture
    return config.get("DataCaptureConfig")


def _instances(config: Mapping[str, Any], kept: Mapping[str, Kept]) -> int:
    total = 0
    for variant in config["ProductionVariants"]:
        count = kept.get(variant["VariantName"], Kept()).count
        total += variant.get("InitialInstanceCount", 1) if count is None else count
    return total


def _require_roles(config: Mapping[str, Any]) -> None:
    for variant in config["ProductionVariants"]:
        roles.require_assumable(models.require(variant["ModelName"])["ExecutionRoleArn"])


def _update_faults(
    endpoint: Endpoint,
    config: Mapping[str, Any],
    deployment: Mapping[str, Any] | None,
    kept: Mapping[str, Kept],
) -> Any:
    slots = endpoint.fleet.slots
    for variant in config["ProductionVariants"]:
        name = variant["VariantName"]
        old = slots[name].config if name in slots else None
        if old is None:
            continue
        if "ServerlessConfig" in variant and "ServerlessConfig" not in old:
            # contracts.md 4: the other way round is allowed, and final
            yield f"Variant {name} is instance based and cannot become serverless"
        resource = f"endpoint/{endpoint.name}/variant/{name}"
        if variant.get("InstanceType") != old.get("InstanceType") and autoscaling.registered(
            resource, _COUNT_DIMENSION
        ):
            yield (
                f"Cannot change the instance type of variant {name} from "
                f"{old.get('InstanceType')} to {variant.get('InstanceType')} while it is "
                f"registered with Application Auto Scaling: deregister {resource} first"
            )
    if deployment:
        yield from plan.faults(
            deployment,
            old_variants=set(slots),
            new_variants={v["VariantName"] for v in config["ProductionVariants"]},
            instances=_instances(config, kept),
        )


def _scale_faults(endpoint: Endpoint, wanted: Mapping[str, Mapping[str, Any]]) -> Any:
    for name, want in wanted.items():
        slot = endpoint.fleet.slots.get(name)
        if slot is None:
            yield f'Could not find variant "{name}" of endpoint "{endpoint.arn}"'
            continue
        count, change = want.get("DesiredInstanceCount"), want.get("ServerlessUpdateConfig")
        if change and not slot.serverless:
            yield f"Variant {name} is not serverless and takes no ServerlessUpdateConfig"
        after = slot.desired_serverless | (change or {})
        if after.get("ProvisionedConcurrency", 0) > after.get("MaxConcurrency", 0):
            yield (
                f"ProvisionedConcurrency ({after['ProvisionedConcurrency']}) of variant {name} "
                f"must not exceed MaxConcurrency ({after['MaxConcurrency']})"
            )
        if slot.serverless and count is not None:
            yield f"Variant {name} is serverless and has no instance count"
        elif count == 0 and not endpoint.asynchronous:
            yield f"DesiredInstanceCount of variant {name} must be at least 1, got 0"
