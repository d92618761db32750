"""What `PreprocessAndTrain` asks for, and what it does when a job cannot be had."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_ecr as ecr
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
from sagemaker_workflow.training.images import image_states

MANAGED = ContainerImage.managed("xgboost", version="3.2-0", region="us-east-1")
ECR = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
PINNED = ContainerImage.from_uri(f"{ECR}/server@sha256:{'0' * 64}")
TAGGED = ContainerImage.from_uri(f"{ECR}/team/server:0123456789abcdef")


def ours(stack: Stack, name: str) -> ContainerImage:
    repository = ecr.Repository.from_repository_name(stack, name, f"shop/{name}")
    return ContainerImage.from_repository(repository, "0123456789abcdef")


def a_job(**changes: Any) -> Job:
    given = {
        "prefix": "shop-test",
        "dataset": "orders",
        "problem": "binary",
        "instance_type": "ml.m5.xlarge",
    }
    return Job(**{**given, **changes})


def states(**changes: Any) -> dict[str, Any]:
    images = Images(trainer=TAGGED, inference=TAGGED)
    made = preprocess_and_train(a_job(**changes), model_package_group="shop-test", images=images)
    return dict(made["States"])


def workflow(stack: Stack, key: kms.IKey, bucket: s3.IBucket, **changes: Any) -> None:
    machine = "arn:aws:states:us-east-1:111122223333:stateMachine:ingest"
    PreprocessAndTrain(
        stack,
        "Train",
        job=a_job(**changes),
        group=ModelPackageGroup(stack, "Models", name="shop-test"),
        images=Images(
            trainer=MANAGED,
            inference=ours(stack, "server"),
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
    images = Images(trainer=TAGGED, inference=TAGGED)
    made = preprocess_and_train(a_job(), model_package_group="shop-test", images=images)
    longest = sum(min(3600, 120 * 2**attempt) for attempt in range(10))
    assert made["TimeoutSeconds"] >= 3600 + longest


def test_trains_and_registers_by_the_digest_that_was_found_before_anything_was_paid_for() -> None:
    made = states()
    assert made["Locate the dataset"]["Next"] == "Identify the trainer image"
    assert made["Identify the inference image"]["Next"] == "Train"
    specification = made["Train"]["Arguments"]["AlgorithmSpecification"]
    assert specification["TrainingImage"] == "{% $trainer_image %}"
    [container] = made["Register"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert container["Image"] == "{% $inference_image %}"
    said = made["Register"]["Arguments"]["CustomerMetadataProperties"]
    for name in ("trainer_image", "trainer_code", "inference_image", "inference_code", "version"):
        assert f"'{name}': " in said


def test_the_registry_is_asked_for_the_digest_of_a_tag_of_ours_alone() -> None:
    """AWS's registries answer nobody else, and a URI by digest needs no answer."""
    made = image_states(Images(trainer=MANAGED, inference=PINNED), then="Train")
    assert [state["Type"] for state in made.values()] == ["Pass", "Pass"]
    made = image_states(Images(trainer=TAGGED, inference=TAGGED), then="Train")
    assert {state["Resource"] for state in made.values()} == {
        "arn:aws:states:::aws-sdk:ecr:describeImages"
    }


def test_grants_digests_of_the_repositories_looked_up_and_of_no_other(
    stack: Stack, key: kms.IKey, bucket: s3.IBucket
) -> None:
    workflow(stack, key, bucket)
    assert allowed(stack, "ecr:DescribeImages") == [
        "arn:<AWS::Partition>:ecr:<AWS::Region>:<AWS::AccountId>:repository/shop/server"
    ]
