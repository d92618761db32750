"""What is wrong with machines."""

from __future__ import annotations

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.specs import Instances
from sagemaker_workflow.faults import Faults, known


def check_instances(capacity: object, faults: Faults) -> None:
    if not isinstance(capacity, Instances):
        faults.add(
            f"capacity is {type(capacity).__name__}, allowed is Instances(...): use "
            "ServerlessEndpoint for an endpoint without instances"
        )
        return
    chosen = [capacity.instance_type] if known(capacity.instance_type) else []
    if not chosen and not capacity.allowed_types:
        faults.add(
            "instance_type is a parameter and allowed_types is empty: list what the parameter may "
            "become, so that each is checked"
        )
    if chosen and capacity.allowed_types and chosen[0] not in capacity.allowed_types:
        faults.add(
            f"instance_type is {chosen[0]!r}, allowed_types is "
            f"{', '.join(capacity.allowed_types)}: add it there or choose one of these"
        )
    for instance_type in dict.fromkeys([*chosen, *capacity.allowed_types]):
        if fault := limits.instance_type_fault(instance_type):
            faults.add(fault)
    faults.unless_between("count", capacity.count, *limits.INSTANCE_COUNT)
    if capacity.volume_gb is not None:
        faults.unless_between("volume_gb", capacity.volume_gb, *limits.VOLUME_GB)
    if capacity.ami_version is not None:
        faults.unless_one_of("ami_version", capacity.ami_version, limits.AMI_VERSIONS)
    faults.unless_between(
        "startup_timeout_seconds",
        capacity.startup_timeout_seconds,
        *limits.STARTUP_TIMEOUT_SECONDS,
    )
    faults.unless_between(
        "download_timeout_seconds",
        capacity.download_timeout_seconds,
        *limits.DOWNLOAD_TIMEOUT_SECONDS,
    )
