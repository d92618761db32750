"""A training job watched from outside: its secondary status and its metric lines, live."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ops import aws, executions
from ops.errors import OpsError
from ops.logs import Follower

GROUP = "/aws/sagemaker/TrainingJobs"
METRIC_LINE = re.compile(r"\bmetric (?P<name>[\w:.-]+)\s*=\s*(?P<value>[-+0-9.eE]+)")


def metrics(job: dict[str, Any]) -> dict[str, float]:
    """The job's final metrics by name."""
    return {m["MetricName"]: float(m["Value"]) for m in job.get("FinalMetricDataList") or []}


def job_of(execution_arn: str) -> str | None:
    """The training job an execution of PreprocessAndTrain started, None before it has."""
    history = aws.client("stepfunctions").get_execution_history(
        executionArn=execution_arn, maxResults=1000
    )["events"]
    for event in history:
        details = event.get("taskScheduledEventDetails") or {}
        if details.get("resourceType") == "sagemaker":
            parameters = executions._json(details.get("parameters"))
            if isinstance(parameters, dict) and parameters.get("TrainingJobName"):
                return str(parameters["TrainingJobName"])
    return None


class Watch:
    """Tells `on_status` each new status and `on_metric` each metric line, once."""

    def __init__(
        self,
        execution_arn: str,
        *,
        on_status: Callable[[str], None],
        on_metric: Callable[[str, float], None],
    ) -> None:
        self.execution_arn = execution_arn
        self.job: str | None = None
        self._on_status, self._on_metric = on_status, on_metric
        self._told = ""
        self._lines: Follower | None = None
        self._since = time.time() - 3600

    def look(self) -> None:
        """What happened since the last look has been told."""
        if self.job is None:
            self.job = job_of(self.execution_arn)
            if self.job is None:
                return
            self._lines = Follower(GROUP, self.job, since=self._since)
        described = describe(self.job)
        if described is not None:
            secondary = str(described.get("SecondaryStatus", ""))
            if secondary != self._told:
                self._told = secondary
                self._on_status(secondary)
        assert self._lines is not None  # noqa: S101 set with the job
        for line in self._lines.new_lines():
            if match := METRIC_LINE.search(line):
                self._on_metric(match["name"], float(match["value"]))


def describe(name: str) -> dict[str, Any] | None:
    """The job as SageMaker describes it, None while it does not exist."""
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = aws.client("sagemaker").describe_training_job(TrainingJobName=name)
    except ClientError as fault:
        if "not find" in aws.error_message(fault) or aws.error_code(fault) == "ResourceNotFound":
            return None
        raise
    return found


def seconds(job: dict[str, Any]) -> float:
    """How long the job ran, in seconds."""
    start, end = job.get("TrainingStartTime"), job.get("TrainingEndTime")
    if isinstance(start, datetime) and isinstance(end, datetime):
        return (end - start).total_seconds()
    return float(job.get("TrainingTimeInSeconds") or 0)


def registered(group: str, *, job: str) -> dict[str, Any]:
    """The model package the job's model was registered as."""
    for package in packages(group):
        described: dict[str, Any] = aws.client("sagemaker").describe_model_package(
            ModelPackageName=package["ModelPackageArn"]
        )
        if (described.get("CustomerMetadataProperties") or {}).get("training_job") == job:
            return described
    raise OpsError(f"no model package in {group} names the training job {job}")


def packages(group: str, status: str | None = None) -> list[dict[str, Any]]:
    """The group's model packages, newest first."""
    arguments: dict[str, Any] = {"ModelPackageGroupName": group}
    if status:
        arguments["ModelApprovalStatus"] = status
    pages = aws.client("sagemaker").get_paginator("list_model_packages").paginate(**arguments)
    found = [p for page in pages for p in page["ModelPackageSummaryList"]]
    return sorted(found, key=lambda p: int(p.get("ModelPackageVersion") or 0), reverse=True)
