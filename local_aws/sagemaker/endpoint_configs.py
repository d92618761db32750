"""Endpoint configurations: which models an endpoint runs, on what, and how it is called."""

import copy
from typing import Any

from local_aws.sagemaker import listing, roles, store, tags, variant_rules
from local_aws.sagemaker.arns import arn
from local_aws.sagemaker.errors import invalid, refuse

_LISTING = listing.Listing(
    result="EndpointConfigs",
    name="EndpointConfigName",
    summary=("EndpointConfigName", "EndpointConfigArn", "CreationTime"),
)


def create(params: dict[str, Any]) -> dict[str, Any]:
    """The configuration exists; every rule about its variants was checked first."""
    name = params["EndpointConfigName"]
    config_arn = arn("endpoint-config", name)
    if store.endpoint_configs.get(name) is not None:
        raise invalid(f'Cannot create already existing endpoint configuration "{config_arn}".')
    faults = list(variant_rules.faults(params))
    if faults:
        refuse(faults)
    if "ExecutionRoleArn" in params:
        roles.require_assumable(params["ExecutionRoleArn"])
    record = copy.deepcopy({k: v for k, v in params.items() if k != "Tags"})
    record |= {"EndpointConfigArn": config_arn, "CreationTime": store.now()}
    for variant in (*record["ProductionVariants"], *record.get("ShadowProductionVariants", [])):
        variant.setdefault("InitialVariantWeight", 1.0)
    if not store.endpoint_configs.add(name, record):
        raise invalid(f'Cannot create already existing endpoint configuration "{config_arn}".')
    tags.attach(config_arn, params.get("Tags"))
    return {"EndpointConfigArn": config_arn}


def describe(params: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(require(params["EndpointConfigName"]))


def delete(params: dict[str, Any]) -> dict[str, Any]:
    """The configuration is gone; one a live endpoint uses is refused (API, UpdateEndpoint)."""
    record = require(params["EndpointConfigName"])
    users = [e.name for e in store.endpoints if record["EndpointConfigName"] in e.configs_in_use()]
    if users:
        raise invalid(
            f'Cannot delete endpoint configuration "{record["EndpointConfigArn"]}": it is used by '
            f"endpoint {', '.join(users)}."
        )
    store.endpoint_configs.remove(record["EndpointConfigName"])
    tags.detach(record["EndpointConfigArn"])
    return {}


def listed(params: dict[str, Any]) -> dict[str, Any]:
    return listing.answer(_LISTING, store.endpoint_configs, params)


def require(name: str) -> dict[str, Any]:
    record = store.endpoint_configs.get(name)
    if record is None:
        raise invalid(f'Could not find endpoint configuration "{arn("endpoint-config", name)}".')
    return record
