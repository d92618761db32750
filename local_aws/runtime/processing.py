"""Processing jobs: any container, with folders that come from S3 and go back (contracts 7)."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from local_aws.runtime import hosts, s3
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.jobs import LONGEST_REASON, GroupEnding, run_containers
from local_aws.runtime.processes import TRAINING_GRACE_SECONDS, Process, grace
from local_aws.runtime.processing_host import ProcessingHost

DEFAULT_MAX_RUNTIME_SECONDS = 86_400
LONGEST_MESSAGE_BYTES = 1024


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
    try:
        with ExitStack() as cleanup:
            return _outcome(job, _instances(job, cleanup), stop)
    except RuntimeFailure as failure:
        if stop.is_set():
            return ProcessingOutcome(status="Stopped")
        reason = f"ClientError: {failure.reason}"[:LONGEST_REASON]
        return ProcessingOutcome(status="Failed", failure_reason=reason)


def _instances(job: Mapping[str, Any], cleanup: ExitStack) -> list[ProcessingHost]:
    """Return the job's instances, one in place of all where the image is a cluster's stand-in."""
    every = hosts.names(int(job["ProcessingResources"]["ClusterConfig"]["InstanceCount"]))
    addresses = cleanup.enter_context(hosts.addresses(every))
    made: list[ProcessingHost] = []
    for index, host in enumerate(every):
        shard = hosts.Shard(index=index, count=len(every))
        one = ProcessingHost(job, host, shard, addresses)
        cleanup.callback(one.close)
        made.append(one)
        if one.cluster:
            break
    return made


def _outcome(
    job: Mapping[str, Any], instances: list[ProcessingHost], stop: threading.Event
) -> ProcessingOutcome:
    store = s3.RoleS3(job["RoleArn"])
    for instance in instances:
        if stop.is_set():
            return ProcessingOutcome(status="Stopped")
        instance.download(store)
    ended = _processed(job, instances, stop)
    message = _exit_message(instances)
    if ended.why == "exit" and ended.failed is not None:
        return ProcessingOutcome(
            status="Failed",
            failure_reason=instances[ended.failed].exit_reason(ended.ending),
            exit_message=message,
        )
    for instance in instances:
        instance.upload()
    if ended.why == "exit":
        return ProcessingOutcome(status="Completed", exit_message=message)
    reason = "the job ran longer than MaxRuntimeInSeconds" if ended.why == "time" else None
    return ProcessingOutcome(status="Stopped", failure_reason=reason, exit_message=message)


def _processed(
    job: Mapping[str, Any], instances: list[ProcessingHost], stop: threading.Event
) -> GroupEnding:
    limit = (job.get("StoppingCondition") or {}).get(
        "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS
    )
    processes: list[Process] = []

    def stopping() -> None:
        # Documented as SIGINT first; SIGTERM follows it, for containers that wait for it.
        for process in processes:
            process.send_signal(signal.SIGINT)

    try:
        for instance in instances:
            instance.pull(stop)
        for instance in instances:
            processes.append(instance.start())
        return run_containers(
            processes,
            stop=stop,
            max_seconds=limit,
            grace_seconds=grace(TRAINING_GRACE_SECONDS),
            stopping=stopping,
        )
    finally:
        for process in processes:
            process.terminate(0.0)


def _exit_message(instances: list[ProcessingHost]) -> str | None:
    """Return the messages of all instances as one; contracts 7: concatenated, then cut."""
    content = "".join(instance.exit_message() for instance in instances).encode()
    return content[:LONGEST_MESSAGE_BYTES].decode("utf-8", "ignore") or None
