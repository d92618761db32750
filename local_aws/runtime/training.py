"""Training jobs: a container's run from its input channels to its model artifacts."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws.runtime import archives, channels, launching, s3, training_files
from local_aws.runtime.containers import Launch, RuntimeFailure
from local_aws.runtime.jobs import LONGEST_REASON, Ending, run_container
from local_aws.runtime.logs import TRAINING_GROUP, LogStream
from local_aws.runtime.metrics import MetricReader
from local_aws.runtime.processes import TRAINING_GRACE_SECONDS, grace
from local_aws.runtime.uploads import checkpoints as checkpoint_folder
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
    update(SecondaryStatus="Starting", StatusMessage="Starting the training job")
    workspace = Workspace(job["TrainingJobName"])
    run = _Run(job, workspace, update, stop)
    try:
        return run.to_the_end()
    except RuntimeFailure as failure:
        if stop.is_set():
            return run.outcome("Stopped", "Stopped")
        return run.outcome("Failed", "Failed", reason=f"ClientError: {failure.reason}")
    finally:
        workspace.remove()


class _Run:
    def __init__(
        self,
        job: Mapping[str, Any],
        workspace: Workspace,
        update: Callable[..., None],
        stop: threading.Event,
    ) -> None:
        self._job, self._workspace, self._update, self._stop = job, workspace, update, stop
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
        job, algorithm = self._job, self._job["AlgorithmSpecification"]
        launch = self._launch()
        training_files.write(job, self._workspace)
        self._metrics = MetricReader(algorithm.get("MetricDefinitions") or [], job_name=self._name)
        prepared = self._prepared(launch)
        store = s3.RoleS3(job["RoleArn"])
        self._update(SecondaryStatus="Downloading", StatusMessage="Downloading input data")
        for channel in job.get("InputDataConfig") or []:
            if self._stop.is_set():
                return self.outcome("Stopped", "Stopped")
            folder = self._workspace.path(f"/opt/ml/input/data/{channel['ChannelName']}")
            mode = training_files.input_mode(job, channel)
            channels.download_channel(store, channel, folder, mode=mode)
        checkpoints = (
            checkpoint_folder(job["CheckpointConfig"], self._workspace, store)
            if job.get("CheckpointConfig")
            else None
        )
        self._update(
            SecondaryStatus="Training",
            StatusMessage="Training image download completed. Training in progress.",
        )
        try:
            ending = self._train(prepared)
        finally:
            if checkpoints:
                checkpoints.close()
        if ending.failed:
            return self.outcome("Failed", "Failed", reason=self._algorithm_error(ending))
        self._update(
            SecondaryStatus="Uploading", StatusMessage="Uploading generated training model"
        )
        model = self._upload(store)
        if ending.why == "exit":
            return self.outcome("Completed", "Completed", model=model)
        secondary = "Stopped" if ending.why == "stop" else "MaxRuntimeExceeded"
        return self.outcome("Stopped", secondary, model=model)

    def _launch(self) -> Launch:
        image = self._job["AlgorithmSpecification"].get("TrainingImage")
        if not image:
            raise RuntimeFailure("only jobs with a TrainingImage run locally, not AlgorithmName")
        return launching.resolve(image, self._job["RoleArn"], self._workspace)

    def _prepared(self, launch: Launch) -> launching.Prepared:
        job, algorithm = self._job, self._job["AlgorithmSpecification"]
        entrypoint = algorithm.get("ContainerEntrypoint")
        arguments = algorithm.get("ContainerArguments")
        return launching.prepare(
            launch,
            self._workspace,
            role_arn=job["RoleArn"],
            isolated=bool(job.get("EnableNetworkIsolation")),
            platform={
                "TRAINING_JOB_NAME": self._name,
                "TRAINING_JOB_ARN": job["TrainingJobArn"],
                "CURRENT_HOST": training_files.HOST,
            },
            user=job.get("Environment") or {},
            entrypoint=entrypoint,
            # contracts 1.1: `train` is there only when the request says nothing at all.
            arguments=arguments or ([] if entrypoint else ["train"]),
        )

    def _train(self, prepared: launching.Prepared) -> Ending:
        assert self._metrics is not None  # noqa: S101  set before the command is known
        metrics = self._metrics
        stream = f"{self._name}/{training_files.HOST}-{int(time.time())}"
        log = LogStream(TRAINING_GROUP, stream, role_arn=self._job["RoleArn"])

        def on_line(line: str) -> None:
            log.write(line)
            metrics.read(line)

        try:
            prepared.pull(say=log.write, stop=self._stop)
            return run_container(
                prepared.start(on_line),
                stop=self._stop,
                max_seconds=self._job.get("StoppingCondition", {}).get(
                    "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS
                ),
                grace_seconds=grace(TRAINING_GRACE_SECONDS),
                stopping=lambda: self._update(
                    SecondaryStatus="Stopping", StatusMessage="Stopping the training job"
                ),
            )
        finally:
            log.close()

    def _algorithm_error(self, ending: Ending) -> str:
        failure = self._workspace.path("/opt/ml/output/failure")
        text = ""
        if failure.is_file():
            text = failure.read_bytes()[: 4 * LONGEST_REASON].decode("utf-8", "replace").strip()
        code = f"exit code: {ending.exit_code}"
        if text:
            return f"AlgorithmError: {text[:LONGEST_REASON]}"
        tail = ending.tail.strip()
        return f"AlgorithmError: {code}" + (f", last output: {tail[-800:]}" if tail else "")

    def _upload(self, store: s3.RoleS3) -> str:
        config = self._job["OutputDataConfig"]
        target = s3.join(config["S3OutputPath"], self._name, "output")
        kms_key = config.get("KmsKeyId") or None
        model_folder = self._workspace.path("/opt/ml/model")
        data_folder = self._workspace.path("/opt/ml/output/data")
        if config.get("CompressionType") == "NONE":
            store.upload_folder(model_folder, s3.join(target, "model"), kms_key=kms_key)
            store.upload_folder(data_folder, s3.join(target, "data"), kms_key=kms_key)
            return s3.join(target, "model") + "/"
        for folder, name in ((model_folder, "model.tar.gz"), (data_folder, "output.tar.gz")):
            if any(archives.files(folder)):
                packed = self._workspace.root / name
                archives.pack(folder, packed)
                store.write(s3.join(target, name), packed, kms_key=kms_key)
        return s3.join(target, "model.tar.gz")
