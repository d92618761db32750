"""Step Functions' optimised tasks for SageMaker (contracts.md 12.2)."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from local_aws.adapter.types import StateTaskError, StopFlag
from local_aws.sagemaker import api, jobs, store
from local_aws.sagemaker.errors import ServiceError
from local_aws.sagemaker.operations import JOB_KINDS

_GENERAL = "SageMaker.AmazonSageMakerException"
_NAMED = {"ResourceLimitExceeded": "SageMaker.ResourceLimitExceededException"}

Task = Callable[[str, dict[str, Any], StopFlag], dict[str, Any]]


def tasks() -> dict[str, Task]:
    """Every task resource this SageMaker does, and what does it."""
    plain = ("CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint")
    named = {_resource(operation): _plain(operation) for operation in plain}
    return named | {_resource(f"Create{word}Job"): _job(kind) for word, kind in JOB_KINDS.items()}


def _resource(operation: str) -> str:
    return f"sagemaker:{operation[0].lower()}{operation[1:]}"


def _plain(operation: str) -> Task:
    def run(resource: str, params: dict[str, Any], stop: StopFlag) -> dict[str, Any]:
        return _called(operation, params)

    return run


def _job(kind: jobs.Kind) -> Task:
    def run(resource: str, params: dict[str, Any], stop: StopFlag) -> dict[str, Any]:
        made = _called(f"Create{kind.word}Job", params)
        if not resource.endswith(".sync"):
            return made
        return _finished(kind, params[kind.member("Name")], stop)

    return run


def _finished(kind: jobs.Kind, name: str, stop: StopFlag) -> dict[str, Any]:
    """The job's description once it is Completed; the task fails when the job does not."""
    status = kind.member("Status")
    job = jobs.require(kind, name)
    done = store.wait_until(lambda: job.record[status] in jobs.FINAL, stopped=stop.is_set)
    if not done:
        # Aborting or timing out stops the job, which is why the role needs the Stop permission.
        job.stop.set()
        raise StateTaskError("States.Timeout", f"{name} was stopped: nobody waits for it any more")
    described: dict[str, Any] = _milliseconds(jobs.describe(kind, name))
    if described[status] != "Completed":
        raise StateTaskError("States.TaskFailed", json.dumps(described, default=str))
    return described


def _called(operation: str, params: dict[str, Any]) -> dict[str, Any]:
    try:
        return api.call(operation, params)
    except ServiceError as error:
        name = _NAMED.get(error.code, _GENERAL)
        raise StateTaskError(name, f"{error.message} (Error Code: {error.code})") from error


def _milliseconds(described: Any) -> Any:
    """The description with its times as a task's output has them: whole milliseconds."""
    if isinstance(described, Mapping):
        return {
            key: round(value * 1000)
            if key.endswith("Time") and isinstance(value, float)
            else _milliseconds(value)
            for key, value in described.items()
        }
    if isinstance(described, list):
        return [_milliseconds(entry) for entry in described]
    if isinstance(described, datetime):
        return round(described.timestamp() * 1000)
    return described
