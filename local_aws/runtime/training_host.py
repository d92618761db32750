"""One instance of a training job: its channels, checkpoints, container and log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws.runtime import channels, s3, training_files
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.hosts import Shard
from local_aws.runtime.job_host import JobHost
from local_aws.runtime.jobs import LONGEST_REASON, Ending
from local_aws.runtime.logs import TRAINING_GROUP
from local_aws.runtime.uploads import UploadedFolder
from local_aws.runtime.uploads import checkpoints as checkpoint_folder


class TrainingHost(JobHost):
    """An instance of a training job, ready to download and start."""

    def __init__(
        self, job: Mapping[str, Any], host: str, shard: Shard, addresses: Mapping[str, str]
    ) -> None:
        super().__init__(
            name=job["TrainingJobName"],
            host=host,
            shard=shard,
            group=TRAINING_GROUP,
            role_arn=job["RoleArn"],
        )
        self._job = job
        self._checkpoints: UploadedFolder | None = None
        try:
            self._prepare(addresses)
            training_files.write(job, self.workspace, host=host)
        except BaseException:
            self.close()
            raise

    def download(self, store: s3.RoleS3) -> None:
        """Leave every channel's data, or this instance's shard of it, and the checkpoints."""
        for channel in self._job.get("InputDataConfig") or []:
            folder = self.workspace.path(f"/opt/ml/input/data/{channel['ChannelName']}")
            mode = training_files.input_mode(self._job, channel)
            channels.download_channel(store, channel, folder, mode=mode, shard=self.shard)
        if self._job.get("CheckpointConfig"):
            config = self._job["CheckpointConfig"]
            self._checkpoints = checkpoint_folder(config, self.workspace, store)

    def keep_checkpoints(self) -> None:
        """Return once S3 holds the checkpoints that this instance holds."""
        if self._checkpoints:
            self._checkpoints.close()
            self._checkpoints = None

    def failure(self, ending: Ending) -> str:
        """Return why the container failed: what it wrote, else its exit code and last output."""
        path = self.workspace.path("/opt/ml/output/failure")
        text = ""
        if path.is_file():
            text = path.read_bytes()[: 4 * LONGEST_REASON].decode("utf-8", "replace").strip()
        return f"AlgorithmError: {text[:LONGEST_REASON]}" if text else self.exit_reason(ending)

    def close(self) -> None:
        """Leave nothing of the instance but its log."""
        if self._checkpoints:
            self._checkpoints.abandon()
        super().close()

    def _prepare(self, addresses: Mapping[str, str]) -> None:
        job, algorithm = self._job, self._job["AlgorithmSpecification"]
        image = algorithm.get("TrainingImage")
        if not image:
            raise RuntimeFailure("only jobs with a TrainingImage run locally, not AlgorithmName")
        entrypoint = algorithm.get("ContainerEntrypoint")
        arguments = algorithm.get("ContainerArguments")
        self.prepare(
            image,
            addresses,
            isolated=bool(job.get("EnableNetworkIsolation")),
            platform={
                "TRAINING_JOB_NAME": job["TrainingJobName"],
                "TRAINING_JOB_ARN": job["TrainingJobArn"],
                "CURRENT_HOST": self.host,
            },
            user=job.get("Environment") or {},
            entrypoint=entrypoint,
            # contracts 1.1: `train` is there only when the request says nothing at all.
            arguments=arguments or ([] if entrypoint else ["train"]),
        )
