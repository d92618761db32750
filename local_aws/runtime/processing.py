"""Processing jobs: any container, with folders that come from S3 and go back (contracts 7)."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from local_aws.runtime import channels, hosts, launching, s3
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.jobs import LONGEST_REASON, Ending, run_container
from local_aws.runtime.logs import PROCESSING_GROUP, LogStream
from local_aws.runtime.processes import TRAINING_GRACE_SECONDS, grace
from local_aws.runtime.uploads import UploadedFolder
from local_aws.runtime.workspace import Workspace

HOST = "algo-1"
DEFAULT_MAX_RUNTIME_SECONDS = 86_400
LONGEST_MESSAGE_BYTES = 1024
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


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessingOutcome:
    """How a processing job ended, in DescribeProcessingJob's words."""

    status: str  # Completed | Failed | Stopped
    failure_reason: str | None = None
    exit_message: str | None = None


def run_processing_job(
    job: Mapping[str, Any], *, update: Callable[..., None], stop: threading.Event
) -> ProcessingOutcome:
    """Run the job to its end and return the outcome; nothing is raised for a job that fails.

    `update` is part of every job's interface; a processing job has no secondary status to report.
    """
    del update
    workspace = Workspace(job["ProcessingJobName"])
    try:
        with ExitStack() as cleanup:
            return _Run(job, workspace, stop, cleanup).to_the_end()
    except RuntimeFailure as failure:
        if stop.is_set():
            return ProcessingOutcome(status="Stopped")
        reason = f"ClientError: {failure.reason}"[:LONGEST_REASON]
        return ProcessingOutcome(status="Failed", failure_reason=reason)
    finally:
        workspace.remove()


class _Run:
    def __init__(
        self,
        job: Mapping[str, Any],
        workspace: Workspace,
        stop: threading.Event,
        cleanup: ExitStack,
    ) -> None:
        self._job, self._workspace, self._stop = job, workspace, stop
        self._cleanup = cleanup
        self._name: str = job["ProcessingJobName"]
        self._store = s3.RoleS3(job["RoleArn"])

    def to_the_end(self) -> ProcessingOutcome:
        cluster = self._job["ProcessingResources"]["ClusterConfig"]
        self._write_config()
        prepared = self._prepared()
        if int(cluster["InstanceCount"]) > 1 and not prepared.launch.cluster:
            raise RuntimeFailure(
                "the local AWS processes on one instance and the job asks for"
                f" {cluster['InstanceCount']}: set InstanceCount to 1"
            )
        for one in self._job.get("ProcessingInputs") or []:
            if self._stop.is_set():
                return ProcessingOutcome(status="Stopped")
            self._input(one)
        outputs = [self._output(one) for one in self._outputs()]
        ending = self._process(prepared)
        message = self._exit_message()
        if ending.failed:
            error = f"AlgorithmError: exit code: {ending.exit_code}"
            tail = ending.tail.strip()[-800:]
            error += f", last output: {tail}" if tail else ""
            return ProcessingOutcome(
                status="Failed", failure_reason=error[:LONGEST_REASON], exit_message=message
            )
        for output in outputs:
            output.close()
        if ending.why == "exit":
            return ProcessingOutcome(status="Completed", exit_message=message)
        reason = "the job ran longer than MaxRuntimeInSeconds" if ending.why == "time" else None
        return ProcessingOutcome(status="Stopped", failure_reason=reason, exit_message=message)

    def _write_config(self) -> None:
        config = self._workspace.folder("/opt/ml/config")
        self._workspace.folder("/opt/ml/output")
        request = {**dict.fromkeys(_OPTIONAL), **self._job}
        (config / "processingjobconfig.json").write_text(json.dumps(request, default=str))
        cluster = self._job["ProcessingResources"]["ClusterConfig"]
        resources = {
            "current_host": HOST,
            "hosts": hosts.names(int(cluster["InstanceCount"])),
            "current_instance_type": cluster["InstanceType"],
        }
        (config / "resourceconfig.json").write_text(json.dumps(resources))

    def _prepared(self) -> launching.Prepared:
        job, app = self._job, self._job["AppSpecification"]
        return launching.prepare(
            launching.resolve(app["ImageUri"], job["RoleArn"], self._workspace),
            self._workspace,
            role_arn=job["RoleArn"],
            isolated=bool((job.get("NetworkConfig") or {}).get("EnableNetworkIsolation")),
            platform={
                "PROCESSING_JOB_NAME": self._name,
                "PROCESSING_JOB_ARN": job["ProcessingJobArn"],
            },
            user=job.get("Environment") or {},
            entrypoint=app.get("ContainerEntrypoint"),
            arguments=app.get("ContainerArguments") or [],  # nothing implicit here
        )

    def _input(self, one: Mapping[str, Any]) -> None:
        what = f"input {one['InputName']!r}"
        source = one.get("S3Input")
        if source is None or one.get("AppManaged"):
            raise RuntimeFailure(f"{what}: only an S3Input runs locally")
        if source.get("S3InputMode", "File") != "File":
            raise RuntimeFailure(f"{what}: input mode Pipe does not run locally; use File")
        folder = self._workspace.folder(_checked(source.get("LocalPath"), what))
        channels.download_source(
            self._store,
            kind=source["S3DataType"],
            uri=source["S3Uri"],
            folder=folder,
            what=what,
        )

    def _outputs(self) -> list[Mapping[str, Any]]:
        return list((self._job.get("ProcessingOutputConfig") or {}).get("Outputs") or [])

    def _output(self, one: Mapping[str, Any]) -> UploadedFolder:
        what = f"output {one['OutputName']!r}"
        target = one.get("S3Output")
        if target is None:
            raise RuntimeFailure(f"{what}: only an S3Output runs locally")
        folder = UploadedFolder(
            self._workspace.folder(_checked(target.get("LocalPath"), what)),
            target["S3Uri"],
            self._store,
            kms_key=self._job["ProcessingOutputConfig"].get("KmsKeyId") or None,
            deletes=False,
        )
        if target["S3UploadMode"] == "Continuous":
            folder.start()
            self._cleanup.callback(folder.abandon)
        return folder

    def _process(self, prepared: launching.Prepared) -> Ending:
        stream = f"{self._name}/{HOST}-{int(time.time())}"
        log = LogStream(PROCESSING_GROUP, stream, role_arn=self._job["RoleArn"])
        limit = (self._job.get("StoppingCondition") or {}).get(
            "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS
        )
        try:
            prepared.pull(say=log.write, stop=self._stop)
            process = prepared.start(log.write)
            return run_container(
                process,
                stop=self._stop,
                max_seconds=limit,
                grace_seconds=grace(TRAINING_GRACE_SECONDS),
                # Documented as SIGINT first; SIGTERM follows it, for containers that wait for it.
                stopping=lambda: process.send_signal(signal.SIGINT),
            )
        finally:
            log.close()

    def _exit_message(self) -> str | None:
        path = self._workspace.path("/opt/ml/output/message")
        if not path.is_file():
            return None
        content = path.read_bytes()
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RuntimeFailure("/opt/ml/output/message is not UTF-8 text") from error
        return content[:LONGEST_MESSAGE_BYTES].decode("utf-8", "ignore")


def _checked(path: str | None, what: str) -> str:
    if path is None or not path.startswith(_ROOT):
        raise RuntimeFailure(f"{what}: LocalPath must start with {_ROOT}, got {path!r}")
    return path
