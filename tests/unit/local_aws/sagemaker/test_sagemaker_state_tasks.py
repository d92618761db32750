"""Step Functions' optimised tasks for SageMaker."""

import json
import threading
from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws.adapter.types import StateTaskError
from local_aws.runtime.training import TrainingOutcome
from local_aws.sagemaker import state_tasks

SYNC = "arn:aws:states:::sagemaker:createTrainingJob.sync"


def _run(resource: str, params: dict[str, Any], stop: threading.Event | None = None) -> Any:
    task = state_tasks.tasks()[resource.removeprefix("arn:aws:states:::").removesuffix(".sync")]
    return task(resource, params, stop or threading.Event())


def test_a_sync_task_ends_with_the_jobs_description(aws: Aws) -> None:
    """contracts.md 12.2: `.sync` output = Describe* response."""
    answer = _run(SYNC, aws.training_job())
    assert answer["TrainingJobStatus"] == "Completed"
    assert answer["ModelArtifacts"]["S3ModelArtifacts"] == aws.training.model_artifacts
    assert answer["CreationTime"] > 1e12


def test_a_task_without_sync_does_not_wait(aws: Aws) -> None:
    aws.training_waits = True
    answer = _run(SYNC.removesuffix(".sync"), aws.training_job())
    assert list(answer) == ["TrainingJobArn"]
    aws.call("StopTrainingJob", TrainingJobName="job")


def test_a_failed_job_fails_the_task_with_its_description(aws: Aws) -> None:
    """contracts.md 12.2: States.TaskFailed with the description as cause."""
    aws.training = TrainingOutcome(
        status="Failed", secondary_status="Failed", failure_reason="AlgorithmError: no"
    )
    with pytest.raises(StateTaskError) as caught:
        _run(SYNC, aws.training_job())
    assert caught.value.error == "States.TaskFailed"
    assert json.loads(caught.value.cause)["FailureReason"] == "AlgorithmError: no"


def test_a_refused_request_fails_by_the_integrations_name(aws: Aws) -> None:
    """contracts.md 12.2: SageMaker.AmazonSageMakerException."""
    _run(SYNC, aws.training_job())
    with pytest.raises(StateTaskError) as caught:
        _run(SYNC, aws.training_job())
    assert caught.value.error == "SageMaker.AmazonSageMakerException"
    assert "ResourceInUse" in caught.value.cause


def test_an_aborted_task_stops_its_job(aws: Aws) -> None:
    """contracts.md 12.2: on abort Step Functions calls Stop*."""
    aws.training_waits = True
    stop = threading.Event()
    stop.set()
    with pytest.raises(StateTaskError):
        _run(SYNC, aws.training_job(), stop)
    aws.eventually(
        lambda: (
            aws.call("DescribeTrainingJob", TrainingJobName="job")["TrainingJobStatus"] == "Stopped"
        )
    )


def test_every_task_of_the_guide_but_tuning_and_labelling_is_done() -> None:
    assert sorted(state_tasks.tasks()) == [
        "sagemaker:createEndpoint",
        "sagemaker:createEndpointConfig",
        "sagemaker:createModel",
        "sagemaker:createProcessingJob",
        "sagemaker:createTrainingJob",
        "sagemaker:createTransformJob",
        "sagemaker:updateEndpoint",
    ]
