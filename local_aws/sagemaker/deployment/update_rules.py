"""What UpdateEndpoint and UpdateEndpointWeightsAndCapacities may not ask for."""

from collections.abc import Iterator, Mapping
from typing import Any

from local_aws import autoscaling
from local_aws.sagemaker.deployment import plan
from local_aws.sagemaker.deployment.endpoint import Endpoint
from local_aws.sagemaker.deployment.fleet import Kept

_COUNT_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def instances(config: Mapping[str, Any], kept: Mapping[str, Kept]) -> int:
    """How many instances the new fleet has."""
    total = 0
    for variant in config["ProductionVariants"]:
        count = kept.get(variant["VariantName"], Kept()).count
        total += variant.get("InitialInstanceCount", 1) if count is None else count
    return total


def create_faults(config: Mapping[str, Any], deployment: Mapping[str, Any] | None) -> Iterator[str]:
    """A DeploymentConfig is stored at create for later updates, so it must make sense then."""
    names = {variant["VariantName"] for variant in config["ProductionVariants"]}
    if deployment:
        yield from plan.faults(
            deployment, old_variants=names, new_variants=names, instances=instances(config, {})
        )


def update_faults(
    endpoint: Endpoint,
    config: Mapping[str, Any],
    deployment: Mapping[str, Any] | None,
    kept: Mapping[str, Kept],
) -> Iterator[str]:
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
            instances=instances(config, kept),
        )


def scale_faults(endpoint: Endpoint, wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, want in wanted.items():
        slot = endpoint.fleet.all_slots.get(name)
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
