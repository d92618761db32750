"""The states of `PreprocessAndTrain`: a dataset's manifest to a registered model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sagemaker_workflow.endpoints.limits import has_nvme
from sagemaker_workflow.retries import retry
from sagemaker_workflow.state_machine import fails, failure_states, refuse
from sagemaker_workflow.training.capacity import (
    EXECUTION,
    JOB_NAME,
    WAIT_SECONDS,
    recovery_states,
    result_of,
)
from sagemaker_workflow.training.images import Images, image_states
from sagemaker_workflow.training.inspection.state import INSPECT, inspect_state
from sagemaker_workflow.training.inspection.state import WAIT_SECONDS as INSPECTION_SECONDS
from sagemaker_workflow.training.metrics import metric_definitions
from sagemaker_workflow.training.registration import register_state
from sagemaker_workflow.training.request import request_states

CHANNELS = ("train", "validation", "test", "schema")


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What every training job of one workflow has in common."""

    prefix: str  # of the job's name
    dataset: str  # the prefix its manifests arrive under
    problem: str
    instance_type: str  # may be a parameter
    allowed_instance_types: Sequence[str] = ()  # what that parameter may become
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    instance_count: int = 1
    volume_size_gb: int = 30
    max_runtime_seconds: int = 3600
    max_wait_seconds: int | None = None  # with spot instances: including the run
    checkpoint_prefix: str = "checkpoints"  # in the artifacts bucket, with spot instances
    # The sha256 of pickles that models may hold, and that the server may load.
    trusted_pickles: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


def preprocess_and_train(job: Job, *, model_package_group: str, images: Images) -> dict[str, Any]:
    """The definition; see `request_states` for its input.

    Open: `${TrainerImage}`, `${InferenceImage}`, `${Role}`, `${InstanceType}`, `${Key}`,
    `${Artifacts}` (bucket), `${Ingest}`, `${InspectModel}` and `${Topic}` (ARNs).
    Output: {"model_package", "training_job", "manifest", "dataset", "version", "metrics"}.
    """
    return {
        "Comment": f"Train on a dataset's manifest and register the model in {model_package_group}",
        "QueryLanguage": "JSONata",
        # The job's own limit ends it; this is for a machine that waits for nothing. Ingest, asked
        # for first, may wait six hours for its turn.
        "TimeoutSeconds": (job.max_wait_seconds or job.max_runtime_seconds)
        + WAIT_SECONDS
        + INSPECTION_SECONDS
        + 8 * 3600,
        "StartAt": "Read the request",
        "States": {
            **request_states(then="Identify the trainer image"),
            **image_states(images, then="Train"),
            "Train": _train(job),
            **recovery_states(train="Train", then=INSPECT),
            INSPECT: inspect_state(trusted_pickles=job.trusted_pickles, then="Register"),
            "Register": register_state(model_package_group, trusted_pickles=job.trusted_pickles),
            "Refuse the request": refuse(
                'the input must be S3\'s "Object Created" event of a manifest,'
                ' {"manifest": "s3://<bucket>/<dataset>/<version>/manifest.json"},'
                ' {"bucket", "key"} of a manifest, or {"raw": {"bucket", "key"}}'
            ),
            **failure_states(f"{job.prefix}: training failed"),
        },
    }


def _train(job: Job) -> dict[str, Any]:
    stopping = {"MaxRuntimeInSeconds": job.max_runtime_seconds}
    if job.max_wait_seconds:
        stopping["MaxWaitTimeInSeconds"] = job.max_wait_seconds
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
        "Arguments": {
            "TrainingJobName": JOB_NAME,
            "RoleArn": "${Role}",
            "AlgorithmSpecification": {
                "TrainingImage": "{% $trainer_image %}",
                "TrainingInputMode": "File",
                "MetricDefinitions": metric_definitions(job.problem),
            },
            "HyperParameters": dict(job.hyperparameters),
            "InputDataConfig": [_channel(name) for name in CHANNELS],
            "OutputDataConfig": {
                "S3OutputPath": "{% 's3://${Artifacts}/training/' & $dataset %}",
                "KmsKeyId": "${Key}",
            },
            "ResourceConfig": _machine(job),
            "StoppingCondition": stopping,
            "EnableManagedSpotTraining": job.max_wait_seconds is not None,
            "EnableNetworkIsolation": True,
            "EnableInterContainerTrafficEncryption": True,
            "Environment": {EXECUTION: "{% $states.context.Execution.Id %}"},
            **({"CheckpointConfig": _checkpoints(job)} if job.max_wait_seconds else {}),
            "Tags": [{"Key": key, "Value": value} for key, value in job.tags.items()],
        },
        "Output": result_of("$states.result"),
        # The name stays the same, so an attempt whose answer was lost cannot train twice.
        "Retry": [retry("SageMaker.AmazonSageMakerException", attempts=2)],
        "Catch": [fails("Why was there no model?")],
        "Next": INSPECT,
    }


def _checkpoints(job: Job) -> dict[str, str]:
    """One folder per execution, not per job: an attempt goes on where the one before ended."""
    prefix = f"'s3://${{Artifacts}}/{job.checkpoint_prefix}/' & $dataset & '/' & $job"
    return {"S3Uri": "{% " + prefix + " %}"}


def _machine(job: Job) -> str:
    """NVMe storage is encrypted by its hardware; a job that names a key for it is refused."""
    types = sorted({*job.allowed_instance_types, job.instance_type})
    local = json.dumps([one for one in types if has_nvme(one)])
    return (
        "{% $merge([{ 'InstanceType': '${InstanceType}',"
        f" 'InstanceCount': {job.instance_count}, 'VolumeSizeInGB': {job.volume_size_gb} }},"
        f" '${{InstanceType}}' in {local} ? {{}}"
        " : { 'VolumeKmsKeyId': '${Key}' }]) %}"
    )


def _channel(name: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "ContentType": "application/json" if name == "schema" else "text/csv",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": "{% $folder & '" + name + "/' %}",
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }
