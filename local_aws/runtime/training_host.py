"""One instance of a training job: its folders, its container, its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from local_aws.runtime import channels, hosts, launching, s3, training_files
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.hosts import Shard
from local_aws.runtime.jobs import LONGEST_REASON, Ending
from local_aws.runtime.logs import TRAINING_GROUP, LogStream
from local_aws.runtime.processes import Process
from local_aws.runtime.uploads import UploadedFolder
from local_aws.runtime.uploads import checkpoints as checkpoint_folder
from local_aws.runtime.workspace import Workspace


class TrainingHost:
    """An instance called `host`, with an /opt/ml of its own; `close` leaves nothing of it."""

    def __init__(
        self, job: Mapping[str, Any], host: str, shard: Shard, addresses: Mapping[str, str]
    ) -> None:
        self._job, self.host, self._shard = job, host, shard
        self._name: str = job["TrainingJobName"]
        folder = self._name if shard.count == 1 else f"{self._name}-{host}"
        self.workspace = Workspace(folder)
        self._checkpoints: UploadedFolder | None = None
        stream = f"{self._name}/{host}-{int(time.time())}"
        self.log = LogStream(TRAINING_GROUP, stream, role_arn=job["RoleArn"])
        try:
            self._prepared = self._prepare(addresses)
            training_files.write(job, self.workspace, host=host)
        except BaseException:
            self.close()
            raise

    def download(self, store: s3.RoleS3) -> None:
        """Leave every channel's data, or this instance's shard of it, and the checkpoints."""
        for channel in self._job.get("InputDataConfig") or []:
            folder = self.workspace.path(f"/opt/ml/input/data/{channel['ChannelName']}")
            mode = training_files.input_mode(self._job, channel)
            channels.download_channel(store, channel, folder, mode=mode, shard=self._shard)
        if self._job.get("CheckpointConfig"):
            config = self._job["CheckpointConfig"]
            self._checkpoints = checkpoint_folder(config, self.workspace, store)

    def pull(self, stop: Any) -> None:
        """Return once the image is there."""
        self._prepared.pull(say=self.log.write, stop=stop)

    def start(self, on_line: Callable[[str], None]) -> Process:
        """Return the running container; its output is in the log, and `on_line` gets it."""

        def both(line: str) -> None:
            self.log.write(line)
            on_line(line)

        return self._prepared.start(both)

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
        if text:
            return f"AlgorithmError: {text[:LONGEST_REASON]}"
        tail = ending.tail.strip()
        code = f"AlgorithmError: exit code: {ending.exit_code}"
        return code + (f", last output: {tail[-800:]}" if tail else "")

    def close(self) -> None:
        """Leave nothing of the instance but its log."""
        if self._checkpoints:
            self._checkpoints.abandon()
        self.log.close()
        self.workspace.remove()

    def _prepare(self, addresses: Mapping[str, str]) -> launching.Prepared:
        job, algorithm = self._job, self._job["AlgorithmSpecification"]
        image = algorithm.get("TrainingImage")
        if not image:
            raise RuntimeFailure("only jobs with a TrainingImage run locally, not AlgorithmName")
        entrypoint = algorithm.get("ContainerEntrypoint")
        arguments = algorithm.get("ContainerArguments")
        launch = launching.resolve(image, job["RoleArn"], self.workspace)
        return launching.prepare(
            hosts.knowing(launch, addresses),
            self.workspace,
            role_arn=job["RoleArn"],
            isolated=bool(job.get("EnableNetworkIsolation")),
            platform={
                "TRAINING_JOB_NAME": self._name,
                "TRAINING_JOB_ARN": job["TrainingJobArn"],
                "CURRENT_HOST": self.host,
            },
            user=job.get("Environment") or {},
            entrypoint=entrypoint,
            # contracts 1.1: `train` is there only when the request says nothing at all.
            arguments=arguments or ([] if entrypoint else ["train"]),
        )
