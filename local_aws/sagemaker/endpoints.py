"""Endpoints: what can be called, and how it is changed without being down."""

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

from local_aws.sagemaker import endpoint_configs, listing, models, roles, store, tags
from local_aws.sagemaker.arns import arn
from local_aws.sagemaker.deployment import plan, rollout, update_rules
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


def create(params: dict[str, Any]) -> dict[str, Any]:
    """The endpoint is Creating; it becomes InService or Failed on its own."""
    name = params["EndpointName"]
    endpoint_arn = arn("endpoint", name)
    config = copy.deepcopy(endpoint_configs.require(params["EndpointConfigName"]))
    _require_roles(config)
    endpoint = Endpoint(name, config)
    endpoint.deployment_config = params.get("DeploymentConfig")
    faults = list(update_rules.create_faults(config, endpoint.deployment_config))
    if faults:
        refuse(faults)
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
        faults = list(update_rules.update_faults(endpoint, config, deployment, kept))
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
        plan=plan.plan(deployment, update_rules.instances(config, kept)),
    )
    spawn(f"update-{endpoint.name}", work)
    return {"EndpointArn": endpoint.arn}


def update_weights_and_capacities(params: dict[str, Any]) -> dict[str, Any]:
    """The endpoint is Updating: variants scale and take their new weights in place."""
    with store.lock:
        endpoint = _idle(params["EndpointName"], failed=False)
        wanted = {w["VariantName"]: w for w in params["DesiredWeightsAndCapacities"]}
        faults = list(update_rules.scale_faults(endpoint, wanted))
        if faults:
            refuse(faults)
        targets = {}
        for name, want in wanted.items():
            slot = endpoint.fleet.all_slots[name]
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
        for name, slot in endpoint.fleet.all_slots.items()
    }


def _capture(
    endpoint: Endpoint, config: Mapping[str, Any], params: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    reset = {p["VariantPropertyType"] for p in params.get("ExcludeRetainedVariantProperties", [])}
    if params.get("RetainAllVariantProperties") and "DataCaptureConfig" not in reset:
        return endpoint.capture
    return config.get("DataCaptureConfig")


def _require_roles(config: Mapping[str, Any]) -> None:
    for variant in (*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])):
        # A variant without a model holds inference components, under the configuration's role.
        model = models.require(variant["ModelName"]) if "ModelName" in variant else config
        roles.require_assumable(model["ExecutionRoleArn"])
