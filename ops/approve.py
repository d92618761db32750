"""A model version is approved, and every stack that follows its group is updated to serve it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ops import aws, cloudformation, training
from ops.cloudformation import Event
from ops.errors import OpsError
from ops.settings import Deployment

# A stack that follows several groups has one of each for every component, `ChurnModelPackageArn`
# and `ModelPackageGroupChurn`.
PARAMETER, OUTPUT = "ModelPackageArn", "ModelPackageGroup"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rolled:
    """What became of one stack."""

    stack: str
    changed: bool
    fault: OpsError | None = None


def group_of(deployment: Deployment) -> str:
    """The workflow's own model package group."""
    return aws.published(deployment, "training/model-package-group")


def choose(group: str, version: str | None) -> dict[str, Any]:
    """The model package meant: an ARN, a version number, or the newest that waits for approval."""
    from botocore.exceptions import ClientError

    sagemaker = aws.client("sagemaker")
    if version and version.startswith("arn:"):
        arn = version
    else:
        if version and not version.isdigit():
            raise OpsError(
                f"{version!r} is not a model version",
                fix="give a number (3), a model package ARN, or nothing for the newest pending one",
            )
        listed = training.packages(group)
        wanted = [
            p["ModelPackageArn"]
            for p in listed
            if (
                str(p.get("ModelPackageVersion")) == version
                if version
                else p.get("ModelApprovalStatus") == "PendingManualApproval"
            )
        ]
        if not wanted:
            raise OpsError(_nothing(group, version, listed), fix="upload data first: make upload")
        arn = str(wanted[0])
    try:
        found: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=arn)
    except ClientError as fault:
        raise OpsError(f"there is no model package {arn}: {aws.error_message(fault)}") from fault
    return found


def _nothing(group: str, version: str | None, listed: list[dict[str, Any]]) -> str:
    known = ", ".join(f"{p['ModelPackageVersion']} ({p['ModelApprovalStatus']})" for p in listed)
    wanted = f"no version {version}" if version else "no version that waits for approval"
    return f"{group} has {wanted}; it has {known or 'no versions at all'}"


def facts(package: dict[str, Any]) -> dict[str, str]:
    """What a person should see before approving: where the model comes from and how good it is."""
    return {k: str(v) for k, v in sorted((package.get("CustomerMetadataProperties") or {}).items())}


def approve(package: dict[str, Any]) -> None:
    """The model package is approved."""
    if package.get("ModelApprovalStatus") == "Approved":
        return
    aws.client("sagemaker").update_model_package(
        ModelPackageArn=package["ModelPackageArn"], ModelApprovalStatus="Approved"
    )


def followers(group: str) -> list[str]:
    """The stacks that serve this group's models."""
    return list(followed(group))


def followed(group: str) -> dict[str, list[str]]:
    """The stacks that serve this group's models, each with the parameters that name them."""
    found: dict[str, list[str]] = {}
    for stack in cloudformation.stacks():
        declared, said = cloudformation.parameters(stack), cloudformation.outputs(stack)
        named = [
            f"{output.removeprefix(OUTPUT)}{PARAMETER}"
            for output, value in sorted(said.items())
            if output.startswith(OUTPUT) and value == group
        ]
        if known := [one for one in named if one in declared]:
            found[str(stack["StackName"])] = known
    return dict(sorted(found.items()))


def promote(
    arn: str,
    stacks: list[str],
    *,
    on_event: Callable[[str, Event], None] = lambda stack, event: None,
) -> list[Rolled]:
    """Each stack has been asked to serve the model; one that rolls back stops no other."""
    if not stacks:
        return []
    named = followed(arn.split("/")[-2])

    def roll(stack: str) -> Rolled:
        values = dict.fromkeys(named.get(stack, [PARAMETER]), arn)
        try:
            changed = cloudformation.set_parameters(
                stack, values, on_event=lambda event: on_event(stack, event)
            )
        except OpsError as fault:
            return Rolled(stack=stack, changed=False, fault=fault)
        return Rolled(stack=stack, changed=changed)

    # Threads: each one waits for its stack. Eight is far below CloudFormation's rate of calls.
    with ThreadPoolExecutor(max_workers=min(8, len(stacks))) as pool:
        return list(pool.map(roll, stacks))


def faults(rolled: list[Rolled]) -> OpsError | None:
    """One error for all stacks that rolled back, None if none did."""
    failed = [r.fault for r in rolled if r.fault is not None]
    if not failed:
        return None
    return OpsError(
        "\n      ".join(f.message for f in failed),
        log=failed[0].log,
        log_name=failed[0].log_name,
        fix="what rolled back serves what it served before; correct the cause and approve again",
    )
