"""A folder of uploads goes through Ingest by a Distributed Map, under a role that may just that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from support.templates import allowed, only, statements

from sagemaker_workflow.preprocessing import Backfill

INGEST = "arn:aws:states:us-east-1:111122223333:stateMachine:ingest"


def make(stack: Stack, bucket: s3.IBucket, key: kms.IKey, **changes: Any) -> Backfill:
    return Backfill(
        stack,
        "Backfill",
        dataset="orders",
        ingest=sfn.StateMachine.from_state_machine_arn(stack, "Ingest", INGEST),
        source=s3.Bucket.from_bucket_name(stack, "Uploads", "the-uploads"),
        output=bucket,
        topic=sns.Topic(stack, "Topic"),
        key=key,
        **changes,
    )


@pytest.fixture
def states(stack: Stack, bucket: s3.IBucket, key: kms.IKey) -> dict[str, Any]:
    make(stack, bucket, key, max_concurrency=7, tolerated_failure_percent=10)
    text = only(stack, "AWS::StepFunctions::StateMachine")["Properties"]["DefinitionString"]
    found: dict[str, Any] = json.loads(text)["States"]
    return found


def test_each_object_is_an_execution_of_its_own_that_waits_for_ingest(
    states: dict[str, Any],
) -> None:
    each = states["Each object"]
    assert each["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert each["MaxConcurrency"] == 7
    assert each["ToleratedFailurePercentage"] == 10
    task = each["ItemProcessor"]["States"]["Ingest"]
    assert task["Resource"] == "arn:aws:states:::states:startExecution.sync:2"
    assert task["Arguments"]["StateMachineArn"] == "${Ingest}"


def test_results_lie_where_no_manifest_is_awaited(states: dict[str, Any]) -> None:
    """PreprocessAndTrain starts on `orders/*/manifest.json`, and results have a manifest.json."""
    prefix = states["Each object"]["ResultWriter"]["Arguments"]["Prefix"]
    assert prefix.startswith("{% 'backfills/orders/'")


def test_a_backfill_that_fails_is_told_on_the_topic(states: dict[str, Any]) -> None:
    (caught,) = states["Each object"]["Catch"]
    assert caught["ErrorEquals"] == ["States.ALL"]
    assert caught["Next"] == "Tell"


@pytest.mark.usefixtures("states")
def test_the_machine_lists_the_datasets_uploads_and_reads_none(stack: Stack) -> None:
    (listing,) = [one for one in statements(stack) if "s3:ListBucket" in one["Action"]]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": "orders/*"}}
    assert allowed(stack, "s3:ListBucket") == ["arn:<AWS::Partition>:s3:::the-uploads"]
    assert allowed(stack, "s3:GetObject") == allowed(stack, "s3:PutObject")
    assert allowed(stack, "s3:PutObject") == [
        "arn:<AWS::Partition>:s3:::the-bucket/backfills/orders/*"
    ]


@pytest.mark.usefixtures("states")
def test_the_machine_starts_ingest_and_its_own_children_only(stack: Stack) -> None:
    """Step Functions Developer Guide, "IAM policies for using Distributed Map states"."""
    ingest, itself = sorted(allowed(stack, "states:StartExecution"), reverse=True)
    assert ingest == INGEST
    assert itself.startswith("<BackfillMachine")
    (redriven,) = allowed(stack, "states:RedriveExecution")
    assert redriven.endswith("/Objects:*")
    stopped = allowed(stack, "states:StopExecution")
    assert len(stopped) == 2
    assert all(one.endswith(":*") and ":execution:" in one for one in stopped)


def test_refuses_numbers_that_cannot_be(stack: Stack, bucket: s3.IBucket, key: kms.IKey) -> None:
    with pytest.raises(ValueError, match="max_concurrency is 0, allowed is 1 to 1000") as told:
        make(stack, bucket, key, max_concurrency=0, tolerated_failure_percent=101)
    assert "tolerated_failure_percent is 101, allowed is 0 to 100" in str(told.value)
