"""Processing jobs."""

from collections.abc import Iterator
from typing import Any

from local_aws.runtime.processing import run_processing_job
from local_aws.sagemaker import jobs, listing, roles, store
from local_aws.sagemaker.errors import refuse
from local_aws.sagemaker.store import Job

KIND = jobs.Kind(
    word="Processing",
    table=store.processing_jobs,
    missing="Could not find requested job with name: {name}",
    taken=(
        "Job name must be unique within an AWS account and region, and a job with this name "
        "already exists ({arn})"
    ),
)
_LISTING = listing.Listing(
    result="ProcessingJobSummaries",
    name="ProcessingJobName",
    summary=(
        "ProcessingJobName",
        "ProcessingJobArn",
        "CreationTime",
        "ProcessingEndTime",
        "LastModifiedTime",
        "ProcessingJobStatus",
        "FailureReason",
        "ExitMessage",
    ),
    status="ProcessingJobStatus",
)
_DAY = 86_400
_ROOT = "/opt/ml/processing"  # contracts.md 7: where every input and output must lie


def create(params: dict[str, Any]) -> dict[str, Any]:
    """The job is InProgress: role and image were checked, inputs are read by the job."""
    jobs.require_free(KIND, params["ProcessingJobName"])
    faults = list(_faults(params))
    if faults:
        refuse(faults)
    roles.require_assumable(params["RoleArn"])
    roles.require_image(params["RoleArn"], params["AppSpecification"]["ImageUri"])
    return jobs.start(KIND, params, {"StoppingCondition": {"MaxRuntimeInSeconds": _DAY}}, _run)


def describe(params: dict[str, Any]) -> dict[str, Any]:
    return jobs.describe(KIND, params["ProcessingJobName"])


def listed(params: dict[str, Any]) -> dict[str, Any]:
    return listing.answer(_LISTING, jobs.records(KIND), params)


def stop(params: dict[str, Any]) -> dict[str, Any]:
    return jobs.stop(KIND, params["ProcessingJobName"])


def _run(job: Job) -> dict[str, Any]:
    def update(**members: Any) -> None:
        with store.lock:
            job.record.update(members)

    description = jobs.describe(KIND, job.record["ProcessingJobName"])
    outcome = run_processing_job(description, update=update, stop=job.stop)
    return {
        "ProcessingJobStatus": outcome.status,
        "FailureReason": outcome.failure_reason,
        "ExitMessage": outcome.exit_message,
    }


def _faults(params: dict[str, Any]) -> Iterator[str]:
    inputs = params.get("ProcessingInputs", [])
    outputs = params.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for what, items, name, where in (
        ("input", inputs, "InputName", "S3Input"),
        ("output", outputs, "OutputName", "S3Output"),
    ):
        names = [item[name] for item in items]
        if len(set(names)) != len(names):
            yield f"Names of {what}s must be unique, got {', '.join(names)}"
        for item in items:
            path = item.get(where, {}).get("LocalPath", _ROOT)
            if path != _ROOT and not path.startswith(f"{_ROOT}/"):
                yield f"LocalPath of {what} {item[name]} must start with {_ROOT}/, got {path}"
