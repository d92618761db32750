"""A training job watched from outside: its secondary status and its metric lines, live."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ops import aws
from ops.logs import Follower

GROUP = "/aws/sagemaker/TrainingJobs"
METRIC_LINE = re.compile(r"\bmetric (?P<name>[\w:.-]+)\s*=\s*(?P<value>[-+0-9.eE]+)")


def metrics(job: dict[str, Any]) -> dict[str, float]:
    """The job's final metrics by name."""
    return {m["MetricName"]: float(m["Value"]) for m in job.get("FinalMetricDataList") or []}


def job_on(data: str, *, since: datetime) -> str | None:
    """The newest training job that reads from under the S3 prefix `data`, None before there is one.

    Found by what it reads: an execution's history names the job only once the job has ended.
    """
    listed = aws.client("sagemaker").list_training_jobs(
        CreationTimeAfter=since, SortBy="CreationTime", SortOrder="Descending", MaxResults=20
    )["TrainingJobSummaries"]
    for summary in listed:
        described = describe(str(summary["TrainingJobName"])) or {}
        for channel in described.get("InputDataConfig") or []:
            source = channel["DataSource"].get("S3DataSource") or {}
            if str(source.get("S3Uri", "")).startswith(data):
                return str(summary["TrainingJobName"])
    return None


class Watch:
    """Tells `on_status` each new status and `on_metric` each metric line, once."""

    def __init__(
        self,
        data: str,
        *,
        since: datetime,
        on_status: Callable[[str], None],
        on_metric: Callable[[str, float], None],
    ) -> None:
        self.job: str | None = None
        self._data, self._begun = data, since
        self._on_status, self._on_metric = on_status, on_metric
        self._told = ""
        self._lines: Follower | None = None

    def look(self) -> None:
        """What happened since the last look has been told."""
        if self.job is None:
            self.job = job_on(self._data, since=self._begun)
            if self.job is None:
                return
            self._lines = Follower(GROUP, self.job, since=self._begun.timestamp())
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


def packages(group: str, status: str | None = None) -> list[dict[str, Any]]:
    """The group's model packages, newest first."""
    arguments: dict[str, Any] = {"ModelPackageGroupName": group}
    if status:
        arguments["ModelApprovalStatus"] = status
    pages = aws.client("sagemaker").get_paginator("list_model_packages").paginate(**arguments)
    found = [p for page in pages for p in page["ModelPackageSummaryList"]]
    return sorted(found, key=lambda p: int(p.get("ModelPackageVersion") or 0), reverse=True)
