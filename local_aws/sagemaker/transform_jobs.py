"""Batch transform jobs."""

from collections.abc import Iterator
from typing import Any

from local_aws.runtime.containers import ContainerSpec
from local_aws.runtime.transform import run_transform_job
from local_aws.sagemaker import containers, jobs, listing, models, roles, store
from local_aws.sagemaker.errors import refuse
from local_aws.sagemaker.store import Job

KIND = jobs.Kind(
    word="Transform",
    table=store.transform_jobs,
    missing="Could not find requested job with name: {name}",
    taken=(
        "Job name must be unique within an AWS account and region, and a job with this name "
        "already exists ({arn})"
    ),
)
_LISTING = listing.Listing(
    result="TransformJobSummaries",
    name="TransformJobName",
    summary=(
        "TransformJobName",
        "TransformJobArn",
        "CreationTime",
        "TransformEndTime",
        "LastModifiedTime",
        "TransformJobStatus",
        "FailureReason",
    ),
    status="TransformJobStatus",
)
_MOST_IN_FLIGHT_MB = 100  # contracts.md 6: MaxConcurrentTransforms times MaxPayloadInMB


def create(params: dict[str, Any]) -> dict[str, Any]:
    """The job is InProgress, under the role of its model."""
    jobs.require_free(KIND, params["TransformJobName"])
    model = models.require(params["ModelName"])
    roles.require_assumable(model["ExecutionRoleArn"])
    faults = list(_faults(params, models.container(model)))
    if faults:
        refuse(faults)
    spec = containers.spec(model, models.container(model))
    return jobs.start(KIND, params, {}, lambda job: _run(job, spec))


def describe(params: dict[str, Any]) -> dict[str, Any]:
    return jobs.describe(KIND, params["TransformJobName"])


def listed(params: dict[str, Any]) -> dict[str, Any]:
    return listing.answer(_LISTING, jobs.records(KIND), params)


def stop(params: dict[str, Any]) -> dict[str, Any]:
    return jobs.stop(KIND, params["TransformJobName"])


def _run(job: Job, spec: ContainerSpec) -> dict[str, Any]:
    def update(**members: Any) -> None:
        with store.lock:
            job.record.update(members)

    description = jobs.describe(KIND, job.record["TransformJobName"])
    outcome = run_transform_job(description, spec, update=update, stop=job.stop)
    return {"TransformJobStatus": outcome.status, "FailureReason": outcome.failure_reason}


def _faults(params: dict[str, Any], container: dict[str, Any]) -> Iterator[str]:
    """What contracts.md 6 and 2.1 rule out."""
    source, output = params["TransformInput"], params["TransformOutput"]
    split = source.get("SplitType", "None")
    if container.get("ModelDataSource"):
        yield (
            f"Model {params['ModelName']} uses ModelDataSource, which batch transform does not "
            "support: give it a ModelDataUrl"
        )
    if source["DataSource"]["S3DataSource"]["S3DataType"] == "AugmentedManifestFile":
        yield "Batch transform does not support S3DataType AugmentedManifestFile"
    if "BatchStrategy" in params and split == "None":
        yield f"BatchStrategy {params['BatchStrategy']} needs a SplitType other than None"
    in_flight = params.get("MaxConcurrentTransforms", 1) * params.get("MaxPayloadInMB", 6)
    if in_flight > _MOST_IN_FLIGHT_MB:
        yield (
            "MaxConcurrentTransforms times MaxPayloadInMB must not exceed "
            f"{_MOST_IN_FLIGHT_MB}, got {in_flight}"
        )
    if params.get("DataProcessing", {}).get("JoinSource", "None") != "None":
        if output.get("Accept") != source.get("ContentType"):
            yield "JoinSource needs the same Accept and ContentType"
        if output.get("AssembleWith", "None") != split:
            yield "JoinSource needs the same AssembleWith and SplitType"
