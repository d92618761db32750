"""A training job that finds no instances is asked for again, under another name."""

from __future__ import annotations

from typing import Any

from ops import aws
from ops.local.context import Run


def test_the_first_job_found_no_instances_and_the_second_trained(workflow_run: Run) -> None:
    """FailureReason "CapacityError: ..." (controls), which `LOCAL_AWS_CAPACITY_ERRORS` injects."""
    assert workflow_run.package is not None
    trained = workflow_run.package["CustomerMetadataProperties"]["training_job"]
    sagemaker = aws.client("sagemaker")
    failed = sagemaker.describe_training_job(TrainingJobName=trained.removesuffix("-1"))
    done = sagemaker.describe_training_job(TrainingJobName=trained)

    assert failed["TrainingJobStatus"] == "Failed"
    assert failed["FailureReason"].startswith("CapacityError: Unable to provision requested ML")
    assert done["TrainingJobStatus"] == "Completed"
    assert done["EnableManagedSpotTraining"] is True
    states = entered(done["Environment"]["WORKFLOW_EXECUTION"])
    assert states.count("Train") == 2
    assert "Wait for capacity" in states
    assert "Tell" not in states


def entered(execution: str) -> list[str]:
    """The states the execution went through, in order."""
    events: list[dict[str, Any]] = aws.client("stepfunctions").get_execution_history(
        executionArn=execution, maxResults=1000
    )["events"]
    details = [event.get("stateEnteredEventDetails") for event in events]
    return [str(one["name"]) for one in details if one]
