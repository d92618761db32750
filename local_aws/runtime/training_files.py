"""What a training container finds under /opt/ml before it starts (contracts 1.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.workspace import Workspace

HOST = "algo-1"
_GROUP = "homogeneousCluster"


def instance_type(job: Mapping[str, Any]) -> str:
    """Return the job's instance type; RuntimeFailure for what one machine cannot stand for."""
    config = job["ResourceConfig"]
    groups = config.get("InstanceGroups")
    count = sum(int(group["InstanceCount"]) for group in groups or [config])
    if count > 1:
        raise RuntimeFailure(
            f"the local AWS trains on one instance and the job asks for {count}: set InstanceCount"
            " to 1"
        )
    return str((groups or [config])[0]["InstanceType"])


def input_mode(job: Mapping[str, Any], channel: Mapping[str, Any]) -> str:
    """Return a channel's input mode; the channel's own wins over the algorithm's."""
    default = job["AlgorithmSpecification"].get("TrainingInputMode", "File")
    return str(channel.get("InputMode") or default)


def write(job: Mapping[str, Any], workspace: Workspace) -> None:
    """Leave the three config files, and every folder a container may count on."""
    for folder in ("input/data", "model", "output/data", "checkpoints", "code"):
        workspace.folder(f"/opt/ml/{folder}")
    config = workspace.folder("/opt/ml/input/config")
    documents = {
        "hyperparameters.json": {
            key: workspace.moved(str(value))
            for key, value in (job.get("HyperParameters") or {}).items()
        },
        "inputdataconfig.json": {
            channel["ChannelName"]: _channel(job, channel)
            for channel in job.get("InputDataConfig") or []
        },
        "resourceconfig.json": _resources(instance_type(job)),
    }
    for name, document in documents.items():
        (config / name).write_text(json.dumps(document))


def _channel(job: Mapping[str, Any], channel: Mapping[str, Any]) -> dict[str, str]:
    source = channel["DataSource"].get("S3DataSource", {})
    entry = {
        "TrainingInputMode": input_mode(job, channel),
        # The API calls it S3DataDistributionType; containers know it by this name.
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if channel.get("ContentType"):
        entry["ContentType"] = channel["ContentType"]
    if channel.get("CompressionType"):
        entry["CompressionType"] = channel["CompressionType"]
    return entry


def _resources(instance: str) -> dict[str, Any]:
    group = {"instance_group_name": _GROUP, "instance_type": instance, "hosts": [HOST]}
    return {
        "current_host": HOST,
        "hosts": [HOST],
        "network_interface_name": "eth0",
        "current_instance_type": instance,
        "current_group_name": _GROUP,
        "instance_groups": [group],
    }
