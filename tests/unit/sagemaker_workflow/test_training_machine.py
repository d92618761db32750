"""What `PreprocessAndTrain` asks for, and what it does when a job cannot be had."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from support.templates import allowed

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.training import (
    Buckets,
    Images,
    Job,
    ModelPackageGroup,
    PreprocessAndTrain,
)
from sagemaker_workflow.training.definition import preprocess_and_train


def a_job(**changes: Any) -> Job:
    given = {
        "prefix": "shop-test",
        "dataset": "orders",
        "problem": "binary",
        "instance_type": "ml.m5.xlarge",
    }
    return Job(**{**given, **changes})


def states(**changes: Any) -> dict[str, Any]:
    made = preprocess_and_train(a_job(**changes), model_package_group="shop-test")
    return dict(made["States"])


def workflow(stack: Stack, key: kms.IKey, bucket: s3.IBucket, **changes: Any) -> None:
    machine = "arn:aws:states:us-east-1:111122223333:stateMachine:ingest"
    PreprocessAndTrain(
        stack,
        "Train",
        job=a_job(**changes),
        group=ModelPackageGroup(stack, "Models", name="shop-test"),
        images=Images(
            trainer=ContainerImage.managed("xgboost", version="3.2-0", region="us-east-1"),
            inference_uri="image",
        ),
        buckets=Buckets(processed=bucket, artifacts=bucket, key=key),
        ingest=sfn.StateMachine.from_state_machine_arn(stack, "Ingest", machine),
        topic=sns.Topic(stack, "Topic"),
    )


def test_a_spot_job_has_checkpoints_that_each_attempt_of_an_execution_goes_on_with() -> None:
    request = states(max_wait_seconds=7200)["Train"]["Arguments"]
    assert request["EnableManagedSpotTraining"] is True
    assert request["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 3600,
        "MaxWaitTimeInSeconds": 7200,
    }
    assert request["CheckpointConfig"] == {
        "S3Uri": "{% 's3://${Artifacts}/checkpoints/' & $dataset & '/' & $job %}"
    }
    assert "$attempt" in request["TrainingJobName"]


def test_a_job_on_demand_has_none() -> None:
    request = states()["Train"]["Arguments"]
    assert request["EnableManagedSpotTraining"] is False
    assert "CheckpointConfig" not in request
    assert "MaxWaitTimeInSeconds" not in request["StoppingCondition"]


def test_the_count_of_instances_is_asked_for() -> None:
    assert "'InstanceCount': 3" in states(instance_count=3)["Train"]["Arguments"]["ResourceConfig"]


@pytest.mark.parametrize(("wait", "granted"), [(7200, True), (None, False)])
def test_grants_checkpoints_to_spot_jobs_alone(
    stack: Stack, key: kms.IKey, bucket: s3.IBucket, wait: int | None, granted: bool
) -> None:
    workflow(stack, key, bucket, max_wait_seconds=wait)
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        found = [one for one in allowed(stack, action) if one.endswith("/checkpoints/orders/*")]
        assert bool(found) is granted, action


def test_every_state_that_is_named_exists() -> None:
    made = states(max_wait_seconds=7200)
    named = {
        target["Next"]
        for state in made.values()
        for target in [state, *state.get("Choices", []), *state.get("Catch", [])]
        if "Next" in target
    } | {state["Default"] for state in made.values() if "Default" in state}
    assert named <= set(made)


def test_waits_for_capacity_with_full_jitter_and_never_longer_than_an_hour() -> None:
    """How long, not whether: an attempt's wait is anything between nothing and its cap."""
    wait = states()["Wait for capacity"]
    assert wait["Seconds"] == "{% $ceil($random() * $min([3600, 120 * $power(2, $attempt)])) %}"
    made = preprocess_and_train(a_job(), model_package_group="shop-test")
    longest = sum(min(3600, 120 * 2**attempt) for attempt in range(10))
    assert made["TimeoutSeconds"] >= 3600 + longest
