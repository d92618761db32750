"""Model packages: versions of a group, their approval, and what may be deployed."""

import copy
from typing import Any

from local_aws.sagemaker import events, listing, package_groups, store, tags
from local_aws.sagemaker.arns import arn, name_in
from local_aws.sagemaker.errors import conflict, invalid

_PACKAGES = listing.Listing(
    result="ModelPackageSummaryList",
    name="ModelPackageName",
    summary=(
        "ModelPackageName",
        "ModelPackageGroupName",
        "ModelPackageVersion",
        "ModelPackageArn",
        "ModelPackageDescription",
        "CreationTime",
        "ModelPackageStatus",
        "ModelApprovalStatus",
        "ModelLifeCycle",
        "ModelPackageRegistrationType",
    ),
    status="ModelApprovalStatus",
    order="Ascending",
)


def create_package(params: dict[str, Any]) -> dict[str, Any]:
    """A package exists and is announced. In a group it is the next version."""
    grouped = "ModelPackageGroupName" in params
    if grouped == ("ModelPackageName" in params):
        raise invalid("Give exactly one of ModelPackageGroupName and ModelPackageName")
    if grouped and params.get("Tags"):
        raise invalid("Tags are not supported for versioned model packages: tag the group")
    if not params.get("InferenceSpecification") and not params.get("SourceAlgorithmSpecification"):
        raise invalid("A model package needs an InferenceSpecification")
    record = {k: v for k, v in params.items() if k not in ("Tags", "ClientToken")} | {
        "CreationTime": store.now(),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": params.get("CertifyForMarketplace", False),
    }
    record["LastModifiedTime"] = record["CreationTime"]
    with store.lock:
        record |= _versioned(params) if grouped else _named(params)
        store.model_packages.add(record["ModelPackageArn"], record)
        announced = copy.deepcopy(record)
    tags.attach(record["ModelPackageArn"], params.get("Tags"))
    events.model_package(announced)
    return {"ModelPackageArn": record["ModelPackageArn"]}


def describe_package(params: dict[str, Any]) -> dict[str, Any]:
    return package_groups.public(package(params["ModelPackageName"]))


def update_package(params: dict[str, Any]) -> dict[str, Any]:
    """The package carries the new status, description or metadata, and an event says so."""
    with store.lock:
        record = package(params["ModelPackageArn"])
        kept = record.get("CustomerMetadataProperties", {}) | params.get(
            "CustomerMetadataProperties", {}
        )
        for key in params.get("CustomerMetadataPropertiesToRemove", []):
            kept.pop(key, None)
        if kept:
            record["CustomerMetadataProperties"] = kept
        extra = params.get("AdditionalInferenceSpecificationsToAdd", [])
        if extra:
            record["AdditionalInferenceSpecifications"] = (
                record.get("AdditionalInferenceSpecifications", []) + extra
            )
        plain = (
            "ModelApprovalStatus",
            "ApprovalDescription",
            "InferenceSpecification",
            "SourceUri",
            "ModelCard",
            "ModelLifeCycle",
            "ModelPackageRegistrationType",
        )
        record |= {k: params[k] for k in plain if k in params}
        record["LastModifiedTime"] = store.now()
        announced = copy.deepcopy(record)
    events.model_package(announced)
    return {"ModelPackageArn": record["ModelPackageArn"]}


def delete_package(params: dict[str, Any]) -> dict[str, Any]:
    record = package(params["ModelPackageName"])
    store.model_packages.remove(record["ModelPackageArn"])
    tags.detach(record["ModelPackageArn"])
    return {}


def list_packages(params: dict[str, Any]) -> dict[str, Any]:
    """Versions of one group, or the unversioned packages when no group is named."""
    group = params.get("ModelPackageGroupName")
    kind = params.get("ModelPackageType", "Versioned" if group else "Unversioned")
    wanted = name_in(group) if group else None
    records = [
        record
        for record in store.model_packages
        if (wanted is None or record.get("ModelPackageGroupName") == wanted)
        and (kind == "Both" or (kind == "Versioned") == ("ModelPackageVersion" in record))
    ]
    filters = dict(params)
    if "ModelApprovalStatus" in params:
        filters["StatusEquals"] = params["ModelApprovalStatus"]
    return listing.answer(_PACKAGES, records, filters)


def package(arn_or_name: str) -> store.Record:
    """The record of a package, by ARN or, for an unversioned one, by name."""
    package_arn = (
        arn_or_name if arn_or_name.startswith("arn:") else arn("model-package", arn_or_name)
    )
    record = store.model_packages.get(package_arn)
    if record is None:
        raise invalid(f"ModelPackage {package_arn} does not exist.")
    return record


def deployable(arn_or_name: str) -> store.Record:
    """The package if it may be deployed; one that is not approved is refused (contracts.md 9.1)."""
    record = package(arn_or_name)
    status = record.get("ModelApprovalStatus")
    if "ModelPackageVersion" in record and status != "Approved":
        raise invalid(
            f"Cannot create a model from model package {record['ModelPackageArn']}: its "
            f"ModelApprovalStatus is {status}, and only an Approved package can be deployed."
        )
    with store.lock:
        return copy.deepcopy(record)


def _versioned(params: dict[str, Any]) -> dict[str, Any]:
    group = package_groups.require(params["ModelPackageGroupName"])
    group["_versions"] += 1  # a deleted version's number is not given again
    name, version = group["ModelPackageGroupName"], group["_versions"]
    return {
        "ModelPackageGroupName": name,
        "ModelPackageName": f"{name}/{version}",
        "ModelPackageVersion": version,
        "ModelPackageArn": arn("model-package", f"{name}/{version}"),
        "ModelApprovalStatus": params.get("ModelApprovalStatus", "PendingManualApproval"),
    }


def _named(params: dict[str, Any]) -> dict[str, Any]:
    package_arn = arn("model-package", params["ModelPackageName"])
    if store.model_packages.get(package_arn) is not None:
        raise conflict(f"Model Package already exists: {package_arn}")
    return {"ModelPackageArn": package_arn}
