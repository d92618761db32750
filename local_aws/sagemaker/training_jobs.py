"""Training jobs."""

import copy
from functools import partial
from typing import Any

from local_aws.runtime.training import TrainingOutcome, run_training_job
from local_aws.sagemaker import jobs, listing, roles, store
from local_aws.sagemaker.errors import invalid
from local_aws.sagemaker.store import Job

KIND = jobs.Kind(
    word="Training",
    table=store.training_jobs,
    missing="Requested resource not found.",
    taken=(
        "Training job names must be unique within an AWS account and region, and a training job "
        "with this name already exists ({arn})"
    ),
)
_LISTING = listing.Listing(
    result="TrainingJobSummaries",
    name="TrainingJobName",
    summary=(
        "TrainingJobName",
        "TrainingJobArn",
        "CreationTime",
        "TrainingEndTime",
        "LastModifiedTime",
        "TrainingJobStatus",
        "SecondaryStatus",
    ),
    status="TrainingJobStatus",
)
_DAY = 86_400  # contracts.md 1.5: MaxRuntimeInSeconds defaults to one day


def create(params: dict[str, Any]) -> dict[str, Any]:
    """The training job is InProgress: role and image were checked, data is read by the job."""
    jobs.require_free(KIND, params["TrainingJobName"])
    _check(params)
    roles.require_assumable(params["RoleArn"])
    roles.require_image(params["RoleArn"], params["AlgorithmSpecification"]["TrainingImage"])
    params["StoppingCondition"].setdefault("MaxRuntimeInSeconds", _DAY)
    defaults = {
        "ModelArtifacts": {
            "S3ModelArtifacts": _artifacts(params["OutputDataConfig"], params["TrainingJobName"])
        },
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [],
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
    }
    return jobs.start(KIND, params, defaults, _run)


def describe(params: dict[str, Any]) -> dict[str, Any]:
    return jobs.describe(KIND, params["TrainingJobName"])


def listed(params: dict[str, Any]) -> dict[str, Any]:
    return listing.answer(_LISTING, jobs.records(KIND), params)


def stop(params: dict[str, Any]) -> dict[str, Any]:
    return jobs.stop(KIND, params["TrainingJobName"])


def _check(params: dict[str, Any]) -> None:
    # Optional in the model for serverless jobs alone (contracts.md 1.5), which are not served.
    for member in ("ResourceConfig", "StoppingCondition"):
        if not params.get(member):
            raise invalid(f"{member} is required for a training job")
    if "TrainingImage" not in params["AlgorithmSpecification"]:
        raise invalid("AlgorithmSpecification needs a TrainingImage")
    stopping = params["StoppingCondition"]
    if params.get("EnableManagedSpotTraining"):
        wait = stopping.get("MaxWaitTimeInSeconds")
        if wait is None or wait < stopping.get("MaxRuntimeInSeconds", _DAY):
            raise invalid(
                "MaxWaitTimeInSeconds must be present and at least MaxRuntimeInSeconds when "
                "EnableManagedSpotTraining is set"
            )
    elif "MaxWaitTimeInSeconds" in stopping:
        raise invalid("MaxWaitTimeInSeconds is only for EnableManagedSpotTraining")
    names = [channel["ChannelName"] for channel in params.get("InputDataConfig", [])]
    if len(set(names)) != len(names):
        raise invalid(f"Channel names must be unique, got {', '.join(names)}")


def _artifacts(output: dict[str, Any], name: str) -> str:
    return f"{output['S3OutputPath'].rstrip('/')}/{name}/output/model.tar.gz"


def _run(job: Job) -> dict[str, Any]:
    outcome = run_training_job(
        jobs.describe(KIND, job.record["TrainingJobName"]),
        update=partial(_update, job),
        stop=job.stop,
    )
    return _final(job, outcome)


_FINAL_WORDS = {
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "Failed": "Training job failed",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job waited longer than MaxWaitTimeInSeconds provided",
}


def _update(job: Job, *, SecondaryStatus: str, StatusMessage: str = "") -> None:  # noqa: N803
    """What the runtime calls at each transition; the names are the API's."""
    with jobs.changing(KIND, job) as record:
        record |= _transition(job, SecondaryStatus, StatusMessage)


def _transition(job: Job, status: str, message: str, *, final: bool = False) -> dict[str, Any]:
    """The members that tell of the transition; the record still is as it was."""
    moment = store.now()
    with store.lock:
        transitions = copy.deepcopy(job.record["SecondaryStatusTransitions"])
    if transitions:
        transitions[-1].setdefault("EndTime", moment)
    entry = {"Status": status, "StartTime": moment, "StatusMessage": message}
    transitions.append(entry | ({"EndTime": moment} if final else {}))
    return {"SecondaryStatus": status, "SecondaryStatusTransitions": transitions}


def _final(job: Job, outcome: TrainingOutcome) -> dict[str, Any]:
    """Everything that tells of the end: whoever sees a part of it sees it all."""
    secondary, artifacts = outcome.secondary_status, outcome.model_artifacts
    words = outcome.failure_reason or _FINAL_WORDS.get(secondary, "")
    return _transition(job, secondary, words, final=True) | {
        "TrainingJobStatus": outcome.status,
        "FailureReason": outcome.failure_reason,
        "ModelArtifacts": {"S3ModelArtifacts": artifacts} if artifacts else None,
        "FinalMetricDataList": outcome.final_metrics or None,
        "TrainingTimeInSeconds": outcome.training_seconds,
        "BillableTimeInSeconds": outcome.billable_seconds,
    }
