"""What a training container finds under /opt/ml before it starts (contracts 1.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_aws.runtime import hosts
from local_aws.runtime.workspace import Workspace

_GROUP = "homogeneousCluster"


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Instances of one type, by name."""

    name: str
    instance_type: str
    hosts: list[str]


def groups(job: Mapping[str, Any]) -> list[Group]:
    """Return the job's instances: one group, or those that its request names."""
    config = job["ResourceConfig"]
    asked = config.get("InstanceGroups") or [{"InstanceGroupName": _GROUP, **config}]
    count = sum(int(group["InstanceCount"]) for group in asked)
    left = iter(sorted(hosts.names(count), key=lambda host: int(host.rpartition("-")[2])))
    return [
        Group(
            name=group["InstanceGroupName"],
            instance_type=group["InstanceType"],
            hosts=sorted(next(left) for _ in range(int(group["InstanceCount"]))),
        )
        for group in asked
    ]


def input_mode(job: Mapping[str, Any], channel: Mapping[str, Any]) -> str:
    """Return a channel's input mode; the channel's own wins over the algorithm's."""
    default = job["AlgorithmSpecification"].get("TrainingInputMode", "File")
    return str(channel.get("InputMode") or default)


def write(job: Mapping[str, Any], workspace: Workspace, *, host: str) -> None:
    """Leave `host` the three config files, and every folder a container may count on."""
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
        "resourceconfig.json": _resources(groups(job), host),
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


def _resources(groups: list[Group], host: str) -> dict[str, Any]:
    every = sorted(one for group in groups for one in group.hosts)
    own = next(group for group in groups if host in group.hosts)
    return {
        "current_host": host,
        "hosts": every,
        "network_interface_name": "eth0" if len(every) == 1 else hosts.LOOPBACK,
        "current_instance_type": own.instance_type,
        "current_group_name": own.name,
        "instance_groups": [
            {
                "instance_group_name": group.name,
                "instance_type": group.instance_type,
                "hosts": group.hosts,
            }
            for group in groups
        ],
    }
