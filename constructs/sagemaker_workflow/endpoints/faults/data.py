"""What is wrong with what is kept: captured requests, and results."""

from __future__ import annotations

import re

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.specs import AsyncResults, Capture, Operations
from sagemaker_workflow.faults import Faults, known

# botocore, CsvContentType and JsonContentType.
_CONTENT_TYPE = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*/[a-zA-Z0-9](-*[a-zA-Z0-9.])*")
_MOST_CONTENT_TYPES = 10


def check_capture(capture: Capture | None, faults: Faults) -> None:
    if capture is None:
        return
    faults.unless_between(
        "capture sampling_percent",
        capture.sampling_percent,
        *limits.SAMPLING_PERCENT,
        advice="leave capture out to keep nothing" if capture.sampling_percent == 0 else "",
    )
    _check_prefix("capture prefix", capture.prefix, faults)
    if not capture.modes:
        faults.add('capture modes is empty: name "Input", "Output" or both')
    for mode in capture.modes:
        faults.unless_one_of("capture mode", mode, limits.CAPTURE_MODES)
    for name in ("csv_content_types", "json_content_types"):
        types = getattr(capture, name)
        if len(types) > _MOST_CONTENT_TYPES:
            faults.add(
                f"capture {name} has {len(types)} entries, allowed is {_MOST_CONTENT_TYPES}: name "
                "those your callers send"
            )
        for one in types:
            if not _CONTENT_TYPE.fullmatch(one):
                faults.add(
                    f"capture {name} has {one!r}, allowed is a type like text/csv, without "
                    "parameters: shorten it"
                )
    if both := sorted(set(capture.csv_content_types) & set(capture.json_content_types)):
        faults.add(
            f"capture content type {', '.join(both)} is among CSV and JSON, allowed is one of "
            "both: remove it from one list"
        )


def check_metrics(operations: Operations, *, on_instances: bool, faults: Faults) -> None:
    metrics = operations.metrics
    if metrics is None:
        return
    if not on_instances:
        faults.add(
            "operations metrics is given, and a serverless endpoint has no instances that report: "
            "leave it out"
        )
    faults.unless_one_of("metrics every_seconds", metrics.every_seconds, limits.METRIC_SECONDS)


def check_results(results: AsyncResults, faults: Faults) -> None:
    _check_prefix("results prefix", results.prefix, faults)
    if results.max_concurrent_per_instance is not None:
        faults.unless_between(
            "results max_concurrent_per_instance",
            results.max_concurrent_per_instance,
            *limits.ASYNC_CONCURRENCY,
        )
    # A request waits six hours at most (contracts 5.1): an alarm above that never goes off.
    faults.unless_between(
        "results max_age_seconds", results.max_age_seconds, 60, 21600, "requests expire after that"
    )
    if (queues := results.queues) is not None:
        faults.unless_between("results queues max_receives", queues.max_receives, 1, 1000)
        faults.unless_between(
            "results queues visibility_seconds", queues.visibility_seconds, 0, 43200
        )
        faults.unless_between("results queues retention_days", queues.retention_days, 1, 14)


def _check_prefix(name: str, prefix: str, faults: Faults) -> None:
    if known(prefix) and (not prefix or prefix.startswith(("/", "s3:"))):
        faults.add(
            f"{name} is {prefix!r}, allowed is a key prefix without bucket and leading slash: "
            "write one like 'churn/capture'"
        )
