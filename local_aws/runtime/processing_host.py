"""One instance of a processing job: its inputs, outputs, container and log (contracts 7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_aws.runtime import channels, hosts, s3
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.hosts import Shard
from local_aws.runtime.job_host import JobHost
from local_aws.runtime.logs import PROCESSING_GROUP
from local_aws.runtime.uploads import UploadedFolder

_ROOT = "/opt/ml/processing/"
# What the request may leave out and the container still finds, as null.
_OPTIONAL = (
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "StoppingCondition",
    "Environment",
    "NetworkConfig",
    "ExperimentConfig",
)


class ProcessingHost(JobHost):
    """An instance of a processing job, ready to download and start."""

    def __init__(
        self, job: Mapping[str, Any], host: str, shard: Shard, addresses: Mapping[str, str]
    ) -> None:
        super().__init__(
            name=job["ProcessingJobName"],
            host=host,
            shard=shard,
            group=PROCESSING_GROUP,
            role_arn=job["RoleArn"],
        )
        self._job = job
        self._outputs: list[UploadedFolder] = []
        try:
            self._write_config()
            self.cluster = self._prepare(addresses)
        except BaseException:
            self.close()
            raise

    def download(self, store: s3.RoleS3) -> None:
        """Leave every input, or this instance's shard of it, and the folders of the outputs."""
        for one in self._job.get("ProcessingInputs") or []:
            self._input(store, one)
        config = self._job.get("ProcessingOutputConfig") or {}
        for one in config.get("Outputs") or []:
            self._outputs.append(self._output(store, one, config.get("KmsKeyId") or None))

    def upload(self) -> None:
        """Return once S3 holds what this instance left in the folders of its outputs."""
        for output in self._outputs:
            output.close()

    def exit_message(self) -> str:
        """Return what the container left in /opt/ml/output/message, empty if nothing."""
        path = self.workspace.path("/opt/ml/output/message")
        try:
            return path.read_bytes().decode() if path.is_file() else ""
        except UnicodeDecodeError as error:
            raise RuntimeFailure("/opt/ml/output/message is not UTF-8 text") from error

    def close(self) -> None:
        """Leave nothing of the instance but its log and what continuous outputs have sent."""
        for output in self._outputs:
            output.abandon()
        super().close()

    def _write_config(self) -> None:
        config = self.workspace.folder("/opt/ml/config")
        self.workspace.folder("/opt/ml/output")
        request = {**dict.fromkeys(_OPTIONAL), **self._job}
        (config / "processingjobconfig.json").write_text(json.dumps(request, default=str))
        cluster = self._job["ProcessingResources"]["ClusterConfig"]
        resources = {
            "current_host": self.host,
            "hosts": hosts.names(int(cluster["InstanceCount"])),
            "current_instance_type": cluster["InstanceType"],
        }
        (config / "resourceconfig.json").write_text(json.dumps(resources))

    def _prepare(self, addresses: Mapping[str, str]) -> bool:
        """Whether the image is a cluster's, of which one process stands in for all instances."""
        job, app = self._job, self._job["AppSpecification"]
        prepared = self.prepare(
            app["ImageUri"],
            addresses,
            isolated=bool((job.get("NetworkConfig") or {}).get("EnableNetworkIsolation")),
            platform={
                "PROCESSING_JOB_NAME": job["ProcessingJobName"],
                "PROCESSING_JOB_ARN": job["ProcessingJobArn"],
            },
            user=job.get("Environment") or {},
            entrypoint=app.get("ContainerEntrypoint"),
            arguments=app.get("ContainerArguments") or [],  # nothing implicit here
        )
        return prepared.launch.cluster

    def _input(self, store: s3.RoleS3, one: Mapping[str, Any]) -> None:
        what = f"input {one['InputName']!r}"
        source = one.get("S3Input")
        if source is None or one.get("AppManaged"):
            raise RuntimeFailure(f"{what}: only an S3Input runs locally")
        if source.get("S3InputMode", "File") != "File":
            raise RuntimeFailure(f"{what}: input mode Pipe does not run locally; use File")
        sharded = source.get("S3DataDistributionType") == "ShardedByS3Key" and not self.cluster
        channels.download_source(
            store,
            kind=source["S3DataType"],
            uri=source["S3Uri"],
            folder=self.workspace.folder(_checked(source.get("LocalPath"), what)),
            what=what,
            shard=self.shard if sharded else Shard(),
        )

    def _output(
        self, store: s3.RoleS3, one: Mapping[str, Any], kms_key: str | None
    ) -> UploadedFolder:
        what = f"output {one['OutputName']!r}"
        target = one.get("S3Output")
        if target is None:
            raise RuntimeFailure(f"{what}: only an S3Output runs locally")
        folder = UploadedFolder(
            self.workspace.folder(_checked(target.get("LocalPath"), what)),
            target["S3Uri"],
            store,
            kms_key=kms_key,
            deletes=False,
        )
        if target["S3UploadMode"] == "Continuous":
            folder.start()
        return folder


def _checked(path: str | None, what: str) -> str:
    if path is None or not path.startswith(_ROOT):
        raise RuntimeFailure(f"{what}: LocalPath must start with {_ROOT}, got {path!r}")
    return path
