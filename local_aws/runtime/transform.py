"""Batch transform: a model's container applied to every object under a prefix (contracts 6)."""

from __future__ import annotations

import gzip
import secrets
import shutil
import threading
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.runtime import model_data, s3
from local_aws.runtime.containers import ContainerSpec, RuntimeFailure
from local_aws.runtime.jobs import LONGEST_REASON
from local_aws.runtime.logs import TRANSFORM_GROUP, LogStream
from local_aws.runtime.serving import ServingContainer
from local_aws.runtime.transform_file import Limits, Stopped, transform_file
from local_aws.runtime.transform_records import DataProcessing
from local_aws.runtime.workspace import Workspace

STARTUP_SECONDS = 480  # contracts 2.2: the same window as hosting
_LAST_BREATH_SECONDS = 0.3  # a container that closed its connection may be about to end
_END_SECONDS = 5.0  # how late we may learn of the end of one that does not answer any more
_STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformOutcome:
    """How a transform job ended, in DescribeTransformJob's words."""

    status: str  # Completed | Failed | Stopped
    failure_reason: str | None = None


def run_transform_job(
    job: Mapping[str, Any],
    container: ContainerSpec,
    *,
    update: Callable[..., None],
    stop: threading.Event,
) -> TransformOutcome:
    """Run the job to its end and return the outcome; nothing is raised for a job that fails.

    One `.out` for each input object, all of it or nothing; a file that fails does not keep the
    others from being transformed, but the job ends Failed. `update` is part of every job's
    interface; a transform job has no secondary status to report.
    """
    del update
    workspace = Workspace(job["TransformJobName"])
    try:
        with ExitStack() as cleanup:
            return _Run(dict(job), container, workspace, stop, cleanup).to_the_end()
    except Stopped:
        return TransformOutcome(status="Stopped")
    except RuntimeFailure as failure:
        if stop.is_set():
            return TransformOutcome(status="Stopped")
        reason = f"ClientError: {failure.reason}"[:LONGEST_REASON]
        return TransformOutcome(status="Failed", failure_reason=reason)
    finally:
        workspace.remove()


class _Run:
    def __init__(
        self,
        job: dict[str, Any],
        container: ContainerSpec,
        workspace: Workspace,
        stop: threading.Event,
        cleanup: ExitStack,
    ) -> None:
        self._job, self._container, self._workspace = job, container, workspace
        self._stop, self._cleanup = stop, cleanup
        self._name: str = job["TransformJobName"]
        self._store = s3.RoleS3(container.role_arn)
        self._processing = DataProcessing.of(job)
        self._data_log: LogStream | None = None

    def to_the_end(self) -> TransformOutcome:
        if self._container.model_data_source:
            raise RuntimeFailure("batch transform takes no model with a ModelDataSource")
        if self._job["TransformInput"].get("SplitType", "None") not in {"None", "Line"}:
            raise RuntimeFailure("only SplitType None and Line run locally")
        inputs = self._inputs()
        model = self._workspace.root / "model"
        model_data.download(self._container, model)
        instances = [
            self._start(model, number)
            for number in range(int(self._job["TransformResources"].get("InstanceCount", 1)))
        ]
        for instance in instances:
            instance.wait_until_healthy(seconds=STARTUP_SECONDS, stop=self._stop)
        limits = Limits.of(self._job, instances[0].client.execution_parameters())
        failures = self._each_file(inputs, instances, limits)
        if not failures:
            return TransformOutcome(status="Completed")
        name, reason = next(iter(failures.items()))
        text = f"{len(failures)} of {len(inputs)} files failed; {name}: {reason}"
        return TransformOutcome(
            status="Failed", failure_reason=f"ClientError: {text}"[:LONGEST_REASON]
        )

    def _inputs(self) -> list[tuple[str, str]]:
        """The (object URI, name of its output without `.out`) pairs of the job."""
        source = self._job["TransformInput"]["DataSource"]["S3DataSource"]
        uri, kind = source["S3Uri"], source["S3DataType"]
        if kind == "ManifestFile":
            found = list(self._store.manifest_uris(uri))
        elif kind == "S3Prefix":
            bucket, _ = s3.parse(uri)
            found = [(f"s3://{bucket}/{key}", name) for key, name in self._store.relative(uri)]
        else:
            raise RuntimeFailure(f"S3DataType {kind} cannot be transformed")
        if not found:
            raise RuntimeFailure(f"no S3 objects found under {uri}")
        return found

    def _start(self, model: Path, number: int) -> ServingContainer:
        stream = f"{self._name}/i-{secrets.token_hex(8)}0-{secrets.token_hex(8)}"
        role = self._container.role_arn
        if self._data_log is None:
            self._data_log = LogStream(TRANSFORM_GROUP, f"{stream}/data-log", role_arn=role)
            self._cleanup.callback(self._data_log.close)
        log = LogStream(TRANSFORM_GROUP, stream, role_arn=role)
        self._cleanup.callback(log.close)
        container = ServingContainer(
            self._container,
            name=f"{self._name}-{number}",
            model=model,
            log=log,
            platform=self._environment(),
            stop=self._stop,
        )
        self._cleanup.callback(container.stop)
        return container

    def _environment(self) -> dict[str, str]:
        """What tells a container that it serves a batch, and the limits the request states."""
        job = self._job
        values = {**(job.get("Environment") or {}), "SAGEMAKER_BATCH": "true"}
        if job.get("MaxPayloadInMB") is not None:
            values["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(job["MaxPayloadInMB"])
        if job.get("BatchStrategy"):
            values["SAGEMAKER_BATCH_STRATEGY"] = _STRATEGIES[job["BatchStrategy"]]
        if job.get("MaxConcurrentTransforms"):
            values["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(job["MaxConcurrentTransforms"])
        return values

    def _each_file(
        self, inputs: list[tuple[str, str]], instances: list[ServingContainer], limits: Limits
    ) -> dict[str, str]:
        failures: dict[str, str] = {}
        for number, (uri, name) in enumerate(inputs):
            instance = instances[number % len(instances)]
            try:
                self._one_file(uri, name, instance, limits)
            except RuntimeFailure as failure:
                patience = _LAST_BREATH_SECONDS if instance.client.ping() else _END_SECONDS
                if instance.process.wait(patience) is not None:
                    raise _ended(instance) from failure
                failures[name] = failure.reason
                if self._data_log is not None:
                    self._data_log.write(f"{uri}: {failure.reason}")
        return failures

    def _one_file(self, uri: str, name: str, instance: ServingContainer, limits: Limits) -> None:
        source = self._workspace.root / "input"
        result = self._workspace.root / "output"
        self._store.download(uri, source)
        if self._job["TransformInput"].get("CompressionType", "None") == "Gzip":
            source = _unpacked(source, uri)
        transform_file(
            source,
            result,
            job=self._job,
            client=instance.client,
            limits=limits,
            processing=self._processing,
            stop=self._stop,
        )
        output = self._job["TransformOutput"]
        self._store.write(
            s3.join(output["S3OutputPath"], name + ".out"),
            result,
            content_type=output.get("Accept"),
            kms_key=output.get("KmsKeyId") or None,
        )


def _ended(instance: ServingContainer) -> RuntimeFailure:
    tail = instance.process.tail(10).strip()
    return RuntimeFailure(
        f"the container ended with exit code {instance.process.exit_code}"
        + (f". Last output: {tail}" if tail else "")
    )


def _unpacked(path: Path, uri: str) -> Path:
    target = path.with_name("input.unpacked")
    try:
        with gzip.open(path) as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out)
    except (OSError, EOFError, zlib.error) as error:
        raise RuntimeFailure(f"{uri} is no gzip file: {error}") from error
    return target
