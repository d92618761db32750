"""Training jobs: a container's run from its input channels to its model artifacts."""

from __future__ import annotations

import math
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from local_aws.runtime import archives, hosts, injected, s3, training_files
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.jobs import LONGEST_REASON, GroupEnding, run_containers
from local_aws.runtime.metrics import MetricReader
from local_aws.runtime.processes import TRAINING_GRACE_SECONDS, Process, grace
from local_aws.runtime.training_host import TrainingHost
from local_aws.runtime.workspace import Workspace

DEFAULT_MAX_RUNTIME_SECONDS = 86_400  # contracts 1.5


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingOutcome:
    """How a training job ended, in DescribeTrainingJob's words."""

    status: str  # Completed | Failed | Stopped
    secondary_status: str
    failure_reason: str | None = None
    model_artifacts: str | None = None
    final_metrics: list[dict[str, Any]] = field(default_factory=list)
    billable_seconds: int = 0
    training_seconds: int = 0


def run_training_job(
    job: Mapping[str, Any], *, update: Callable[..., None], stop: threading.Event
) -> TrainingOutcome:
    """Run the job to its end and return the outcome; nothing is raised for a job that fails.

    `job` has DescribeTrainingJob's shape. `update(SecondaryStatus=, StatusMessage=)` is called at
    each transition; `stop` is StopTrainingJob.
    """
    run = _Run(job, update, stop)
    try:
        return run.to_the_end()
    except RuntimeFailure as failure:
        if stop.is_set():
            return run.outcome("Stopped", "Stopped")
        return run.outcome("Failed", "Failed", reason=f"ClientError: {failure.reason}")


class _Run:
    def __init__(
        self, job: Mapping[str, Any], update: Callable[..., None], stop: threading.Event
    ) -> None:
        self._job, self._update, self._stop = job, update, stop
        self._name: str = job["TrainingJobName"]
        self._started = time.monotonic()
        self._metrics: MetricReader | None = None

    def outcome(
        self, status: str, secondary: str, *, reason: str | None = None, model: str | None = None
    ) -> TrainingOutcome:
        seconds = max(1, math.ceil(time.monotonic() - self._started))
        return TrainingOutcome(
            status=status,
            secondary_status=secondary,
            failure_reason=reason[:LONGEST_REASON] if reason else None,
            model_artifacts=model,
            final_metrics=self._metrics.final() if self._metrics else [],
            billable_seconds=seconds,
            training_seconds=seconds,
        )

    def to_the_end(self) -> TrainingOutcome:
        """Run until the job ends by itself or is stopped; an interrupted spot job starts again."""
        if (reason := injected.capacity_error()) is not None:
            self._update(SecondaryStatus="Starting", StatusMessage="Starting the training job")
            return self.outcome("Failed", "Failed", reason=reason)
        spot = bool(self._job.get("EnableManagedSpotTraining"))
        interruptions = injected.spot_interruptions() if spot else []
        for after in [*interruptions, None]:
            ended = self._once(after)
            if ended is not None:
                return ended
            self._update(
                SecondaryStatus="Interrupted",
                StatusMessage="The training job was interrupted: spot capacity was taken back",
            )
            longest = self._job["StoppingCondition"]["MaxWaitTimeInSeconds"]
            if time.monotonic() - self._started > longest:
                return self.outcome("Stopped", "MaxWaitTimeExceeded")
        raise AssertionError("the last run has no interruption")

    def _once(self, interrupted_after: float | None) -> TrainingOutcome | None:
        """Run on instances of its own and return the outcome; None when it was interrupted."""
        self._update(SecondaryStatus="Starting", StatusMessage="Starting the training job")
        every = sorted(host for group in training_files.groups(self._job) for host in group.hosts)
        with ExitStack() as cleanup:
            addresses = cleanup.enter_context(hosts.addresses(every))
            started: list[TrainingHost] = []
            for index, host in enumerate(every):
                shard = hosts.Shard(index=index, count=len(every))
                one = TrainingHost(self._job, host, shard, addresses)
                cleanup.callback(one.close)
                started.append(one)
            return self._on(started, interrupted_after)

    def _on(
        self, instances: list[TrainingHost], interrupted_after: float | None
    ) -> TrainingOutcome | None:
        definitions = self._job["AlgorithmSpecification"].get("MetricDefinitions") or []
        self._metrics = self._metrics or MetricReader(definitions, job_name=self._name)
        store = s3.RoleS3(self._job["RoleArn"])
        self._update(SecondaryStatus="Downloading", StatusMessage="Downloading input data")
        for instance in instances:
            if self._stop.is_set():
                return self.outcome("Stopped", "Stopped")
            instance.download(store)
        self._update(
            SecondaryStatus="Training",
            StatusMessage="Training image download completed. Training in progress.",
        )
        ended = self._train(instances, interrupted_after)
        if ended.why == "interruption":
            return None
        if ended.why == "exit" and ended.failed is not None:
            reason = instances[ended.failed].failure(ended.ending)
            return self.outcome("Failed", "Failed", reason=reason)
        self._update(
            SecondaryStatus="Uploading", StatusMessage="Uploading generated training model"
        )
        model = self._upload(store, instances)
        if ended.why == "exit":
            return self.outcome("Completed", "Completed", model=model)
        secondary = "Stopped" if ended.why == "stop" else "MaxRuntimeExceeded"
        return self.outcome("Stopped", secondary, model=model)

    def _train(self, instances: list[TrainingHost], interrupted_after: float | None) -> GroupEnding:
        assert self._metrics is not None  # noqa: S101  set before training starts
        limit = self._job.get("StoppingCondition", {}).get(
            "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS
        )
        processes: list[Process] = []
        try:
            for instance in instances:
                instance.pull(self._stop)
            for instance in instances:
                processes.append(instance.start(self._metrics.read))
            return run_containers(
                processes,
                stop=self._stop,
                max_seconds=limit,
                grace_seconds=grace(TRAINING_GRACE_SECONDS),
                interrupted_after=interrupted_after,
                stopping=lambda: self._update(
                    SecondaryStatus="Stopping", StatusMessage="Stopping the training job"
                ),
            )
        finally:
            for process in processes:
                process.terminate(0.0)
            for instance in instances:
                instance.keep_checkpoints()

    def _upload(self, store: s3.RoleS3, instances: list[TrainingHost]) -> str:
        config = self._job["OutputDataConfig"]
        target = s3.join(config["S3OutputPath"], self._name, "output")
        kms_key = config.get("KmsKeyId") or None
        first, *others = instances
        for instance in others:
            merge(instance.workspace, first.workspace)
        model_folder = first.workspace.path("/opt/ml/model")
        data_folder = first.workspace.path("/opt/ml/output/data")
        if config.get("CompressionType") == "NONE":
            store.upload_folder(model_folder, s3.join(target, "model"), kms_key=kms_key)
            store.upload_folder(data_folder, s3.join(target, "data"), kms_key=kms_key)
            return s3.join(target, "model") + "/"
        for folder, name in ((model_folder, "model.tar.gz"), (data_folder, "output.tar.gz")):
            if any(archives.files(folder)):
                packed = first.workspace.root / name
                archives.pack(folder, packed)
                store.write(s3.join(target, name), packed, kms_key=kms_key)
        return s3.join(target, "model.tar.gz")


def merge(source: Workspace, target: Workspace) -> None:
    """Add an instance's model and output to those of the first, whose files win a clash.

    Contracts 1.5: the content of all hosts is merged, and names must not clash.
    """
    for path in ("/opt/ml/model", "/opt/ml/output/data"):
        for name, file in list(archives.files(source.path(path))):
            place = target.path(path) / name
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(file, place)
