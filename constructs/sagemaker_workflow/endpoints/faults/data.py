"""What is wrong with what is kept: captured requests, and results."""

from __future__ import annotations

from sagemaker_workflow.endpoints import limits
from sagemaker_workflow.endpoints.specs import AsyncResults, Capture
from sagemaker_workflow.faults import Faults, known


def check_capture(capture: Capture | None, faults: Faults) -> None:
    if capture is not None:
        faults.unless_between(
            "capture sampling_percent", capture.sampling_percent, *limits.SAMPLING_PERCENT
        )
        _check_prefix("capture prefix", capture.prefix, faults)


def check_results(results: AsyncResults, faults: Faults) -> None:
    _check_prefix("results prefix", results.prefix, faults)
    if results.max_concurrent_per_instance is not None:
        faults.unless_between(
            "results max_concurrent_per_instance",
            results.max_concurrent_per_instance,
            *limits.ASYNC_CONCURRENCY,
        )


def _check_prefix(name: str, prefix: str, faults: Faults) -> None:
    if known(prefix) and (not prefix or prefix.startswith(("/", "s3:"))):
        faults.add(
            f"{name} is {prefix!r}, allowed is a key prefix without bucket and leading slash: "
            "write one like 'churn/capture'"
        )
