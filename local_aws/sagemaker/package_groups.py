"""Model package groups: what the versions of one model have in common."""

import copy
from typing import Any

from local_aws.sagemaker import listing, store, tags
from local_aws.sagemaker.arns import arn, name_in
from local_aws.sagemaker.errors import conflict, invalid

_LISTING = listing.Listing(
    result="ModelPackageGroupSummaryList",
    name="ModelPackageGroupName",
    summary=(
        "ModelPackageGroupName",
        "ModelPackageGroupArn",
        "ModelPackageGroupDescription",
        "CreationTime",
        "ModelPackageGroupStatus",
    ),
    order="Ascending",
)


def create(params: dict[str, Any]) -> dict[str, Any]:
    name = params["ModelPackageGroupName"]
    group_arn = arn("model-package-group", name)
    record = {k: v for k, v in params.items() if k != "Tags"} | {
        "ModelPackageGroupArn": group_arn,
        "CreationTime": store.now(),
        "CreatedBy": {},
        "ModelPackageGroupStatus": "Completed",
        "_versions": 0,
    }
    if not store.model_package_groups.add(name, record):
        raise invalid(f"Model Package Group already exists: {group_arn}")
    tags.attach(group_arn, params.get("Tags"))
    return {"ModelPackageGroupArn": group_arn}


def describe(params: dict[str, Any]) -> dict[str, Any]:
    return public(require(params["ModelPackageGroupName"]))


def delete(params: dict[str, Any]) -> dict[str, Any]:
    """The group is gone; one that still holds versions is refused (contracts.md 9.1)."""
    group = require(params["ModelPackageGroupName"])
    name = group["ModelPackageGroupName"]
    if any(p.get("ModelPackageGroupName") == name for p in store.model_packages):
        raise conflict(f"Model Package Group {name} cannot be deleted: it contains model packages.")
    store.model_package_groups.remove(name)
    tags.detach(group["ModelPackageGroupArn"])
    return {}


def listed(params: dict[str, Any]) -> dict[str, Any]:
    return listing.answer(_LISTING, store.model_package_groups, params)


def require(arn_or_name: str) -> store.Record:
    """The record of a group, by name or ARN."""
    name = name_in(arn_or_name)
    record = store.model_package_groups.get(name)
    if record is None:
        raise invalid(f"ModelPackageGroup {arn('model-package-group', name)} does not exist.")
    return record


def public(record: store.Record) -> dict[str, Any]:
    """A record without what is only the service's own."""
    with store.lock:
        return {k: copy.deepcopy(v) for k, v in record.items() if not k.startswith("_")}
