"""State machine executions: found by their input, followed to the end, their failure told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops import aws, logs
from ops.errors import OpsError

POLL_SECONDS = 0.4


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """One run of a state machine."""

    arn: str
    status: str
    input: Any
    output: Any
    error: str
    cause: str

    @property
    def failed(self) -> bool:
        """Whether it ended without doing its work."""
        return self.status in ("FAILED", "TIMED_OUT", "ABORTED")


def describe(arn: str) -> Execution:
    """The execution as it stands."""
    found = aws.client("stepfunctions").describe_execution(executionArn=arn)
    return Execution(
        arn=arn,
        status=str(found["status"]),
        input=_json(found.get("input")),
        output=_json(found.get("output")),
        error=str(found.get("error") or ""),
        cause=str(found.get("cause") or ""),
    )


def find(
    state_machine: str,
    wanted: Callable[[Any], bool],
    *,
    since: datetime | None = None,
    patience: float = 60.0,
    while_waiting: Callable[[], None] = lambda: None,
) -> Execution | None:
    """The newest execution whose input is wanted; waits `patience` seconds for it to appear."""
    deadline = time.monotonic() + patience
    looked: set[str] = set()
    while True:
        listed = aws.client("stepfunctions").list_executions(
            stateMachineArn=state_machine, maxResults=50
        )["executions"]
        for entry in sorted(listed, key=lambda e: e["startDate"], reverse=True):
            if since is not None and entry["startDate"] < since:
                continue
            if entry["executionArn"] in looked:
                continue
            execution = describe(entry["executionArn"])
            if wanted(execution.input):
                return execution
            looked.add(entry["executionArn"])
        if time.monotonic() >= deadline:
            return None
        while_waiting()
        time.sleep(POLL_SECONDS)


def finish(
    arn: str, *, while_waiting: Callable[[], None] = lambda: None, patience: float = 4 * 3600
) -> Execution:
    """The execution has ended; returns it, failed or not."""
    deadline = time.monotonic() + patience
    while (execution := describe(arn)).status == "RUNNING":
        if time.monotonic() > deadline:
            raise OpsError(f"{arn} is still running after {patience / 60:.0f} minutes")
        while_waiting()
        time.sleep(POLL_SECONDS)
    return execution


def sentence(execution: Execution) -> str:
    """What went wrong, as the part that failed put it."""
    cause = _json(execution.cause)
    if isinstance(cause, dict):
        for key in ("errorMessage", "FailureReason", "ExitMessage", "Message", "message"):
            if cause.get(key):
                return str(cause[key])
    return execution.cause or execution.error or f"it ended as {execution.status}"


def failed_state(arn: str) -> str:
    """The name of the state in which the execution failed, empty if its history does not say."""
    history = _history(arn)
    by_id = {event["id"]: event for event in history}
    start = failed = _failed_event(history)
    while failed is not None:
        if name := (failed.get("stateEnteredEventDetails") or {}).get("name"):
            return str(name)
        failed = by_id.get(failed.get("previousEventId", 0))
    older = history[history.index(start) :] if start is not None else history
    entered = (e.get("stateEnteredEventDetails") for e in older)
    return next((str(details["name"]) for details in entered if details), "")


def _history(arn: str) -> list[dict[str, Any]]:
    """The execution's newest events, newest first."""
    found: list[dict[str, Any]] = aws.client("stepfunctions").get_execution_history(
        executionArn=arn, reverseOrder=True, maxResults=100
    )["events"]
    return found


def _failed_event(history: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The task whose failure ended the execution, or the end itself.

    A state machine may catch a failure, tell somebody and then fail with the same error: what a
    person must know is where it began.
    """
    failed = [e for e in history if "Failed" in e["type"] or "TimedOut" in e["type"]]
    end = next((e for e in failed if e["type"].startswith("Execution")), None)
    error = _details(end).get("error")
    tasks = (e for e in failed if e is not end and (end is None or _details(e)["error"] == error))
    return next(tasks, end)


def _details(event: dict[str, Any] | None) -> dict[str, Any]:
    """What the history says of a failure."""
    found = {"error": None, "cause": None}
    for key, value in (event or {}).items():
        if key.endswith("EventDetails") and isinstance(value, dict):
            found.update(value)
    return found


def failure(execution: Execution, *, what: str) -> OpsError:
    """The execution's failure: which step, its sentence, the last lines of its job or function."""
    cause = _json(execution.cause)
    if not isinstance(cause, dict):  # a state that caught it kept the sentence, not the job
        cause = _json(_details(_failed_event(_history(execution.arn)))["cause"])
    state = failed_state(execution.arn)
    group, lines = _log_of(cause, execution)
    step = f" in {state!r}" if state else ""
    return OpsError(f"{what} failed{step}: {sentence(execution)}", log=lines, log_name=group)


def _log_of(cause: Any, execution: Execution) -> tuple[str | None, list[str]]:
    jobs = {
        "TrainingJobName": "/aws/sagemaker/TrainingJobs",
        "TransformJobName": "/aws/sagemaker/TransformJobs",
        "ProcessingJobName": "/aws/sagemaker/ProcessingJobs",
    }
    if isinstance(cause, dict):
        for key, group in jobs.items():
            if cause.get(key):
                stream = str(cause[key])
                return f"{group} ({stream})", logs.tail(group, stream_prefix=stream)
    function = _function_of(execution.arn)
    if function is None:
        return None, []
    group = f"/aws/lambda/{function}"
    return group, logs.tail(group, newest=1)


def _function_of(arn: str) -> str | None:
    for event in _history(arn):
        details = event.get("taskScheduledEventDetails") or {}
        if details.get("resourceType") == "lambda":
            parameters = _json(details.get("parameters"))
            if isinstance(parameters, dict) and parameters.get("FunctionName"):
                return str(parameters["FunctionName"]).rsplit(":function:", 1)[-1].split(":")[0]
        direct = (event.get("lambdaFunctionScheduledEventDetails") or {}).get("resource")
        if direct:
            return str(direct).rsplit(":function:", 1)[-1].split(":")[0]
    return None


def _json(text: object) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return None
