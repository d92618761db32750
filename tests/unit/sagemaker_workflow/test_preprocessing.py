import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from support.templates import allowed, only, resources

from sagemaker_workflow.preprocessing import Ingest, PreprocessFunction


@pytest.fixture
def package(tmp_path: Path) -> Path:
    archive = tmp_path / "preprocess.zip"
    archive.write_bytes(b"zip")
    return archive


@pytest.fixture
def uploads(stack: Stack) -> s3.IBucket:
    return s3.Bucket.from_bucket_name(stack, "Uploads", "the-uploads")


@pytest.fixture
def preprocess(
    stack: Stack, package: Path, uploads: s3.IBucket, bucket: s3.IBucket, key: kms.IKey
) -> PreprocessFunction:
    return PreprocessFunction(
        stack, "Preprocess", package=package, source=uploads, output=bucket, key=key
    )


@pytest.fixture
def machine(
    stack: Stack,
    preprocess: PreprocessFunction,
    uploads: s3.IBucket,
    bucket: s3.IBucket,
    key: kms.IKey,
) -> dict[str, Any]:
    Ingest(
        stack,
        "Ingest",
        dataset={"name": "orders"},
        function=preprocess.function,
        source=uploads,
        output=bucket,
        topic=sns.Topic(stack, "Topic"),
        dead_letters=preprocess.dead_letters,
        key=key,
    )
    text = only(stack, "AWS::StepFunctions::StateMachine")["Properties"]["DefinitionString"]
    definition: dict[str, Any] = json.loads(text)
    return definition


@pytest.mark.usefixtures("preprocess")
def test_a_fault_of_the_function_is_traced_and_kept(stack: Stack) -> None:
    function = only(stack, "AWS::Lambda::Function")["Properties"]
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["DeadLetterConfig"]["TargetArn"]
    assert function["ReservedConcurrentExecutions"] == 2


def test_a_new_account_reserves_no_concurrency(
    stack: Stack, package: Path, uploads: s3.IBucket, bucket: s3.IBucket, key: kms.IKey
) -> None:
    PreprocessFunction(
        stack,
        "Preprocess",
        package=package,
        source=uploads,
        output=bucket,
        key=key,
        reserved_concurrency=None,
    )
    function = only(stack, "AWS::Lambda::Function")["Properties"]
    assert "ReservedConcurrentExecutions" not in function


def test_uploads_that_come_together_wait_their_turn(machine: dict[str, Any]) -> None:
    """Two are worked on at once, fifteen minutes each: a third is throttled, not refused."""
    retries = machine["States"]["Preprocess"]["Retry"]
    [busy] = [r for r in retries if "Lambda.TooManyRequestsException" in r["ErrorEquals"]]
    # With full jitter a wait is half of what is allowed, on average.
    assert busy["MaxAttempts"] * busy["MaxDelaySeconds"] / 2 >= 5 * 3600
    assert busy["JitterStrategy"] == "FULL"
    assert machine["TimeoutSeconds"] > 6 * 3600


def test_what_failed_and_was_not_to_blame_is_kept_for_a_replay(machine: dict[str, Any]) -> None:
    """A rejected object is told of and no more: it would be rejected each time."""
    rejected, failed = machine["States"]["Preprocess"]["Catch"]
    assert rejected["ErrorEquals"] == ["DatasetRejected", "DatasetTooLarge"]
    assert rejected["Next"] == "Tell"
    assert failed["ErrorEquals"] == ["States.ALL"]
    keep = machine["States"][failed["Next"]]
    assert keep["Resource"] == "arn:aws:states:::sqs:sendMessage"
    assert keep["Arguments"]["MessageBody"] == "{% $string($upload) %}"
    assert keep["Next"] == "Tell"
    assert [caught["Next"] for caught in keep["Catch"]] == ["Tell"]


@pytest.mark.parametrize(
    "error", ["Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown", "S3Error"]
)
def test_a_run_that_broke_off_is_tried_once_more(machine: dict[str, Any], error: str) -> None:
    """Step Functions Developer Guide, "Handle transient Lambda service exceptions"."""
    retries = machine["States"]["Preprocess"]["Retry"]
    [broken] = [r for r in retries if error in r["ErrorEquals"]]
    assert broken["MaxAttempts"] == 1
    assert not any("DatasetRejected" in r["ErrorEquals"] for r in retries)


@pytest.mark.usefixtures("machine")
def test_the_machine_may_keep_messages_in_the_functions_queue(
    stack: Stack, preprocess: PreprocessFunction
) -> None:
    queue = stack.resolve(preprocess.dead_letters.queue_arn)["Fn::GetAtt"][0]
    found = allowed(stack, "sqs:SendMessage")
    assert len(found) == 2  # the function's own grant, for asynchronous calls, is the other
    assert all(queue in one for one in found)


@pytest.mark.usefixtures("machine")
def test_logs_are_where_people_and_log_delivery_look_for_them(stack: Stack) -> None:
    """A machine's log of another name takes room in a policy that the whole account shares."""
    groups = resources(stack, "AWS::Logs::LogGroup").values()
    names = sorted(one["Properties"]["LogGroupName"] for one in groups)
    assert [name.rpartition("-")[0] for name in names] == [
        "/aws/lambda/Test-Preprocess",
        "/aws/vendedlogs/states/Test-Ingest-Machine",
    ]


def test_refuses_a_package_that_is_not_there(
    stack: Stack, uploads: s3.IBucket, bucket: s3.IBucket, key: kms.IKey
) -> None:
    with pytest.raises(ValueError, match=r"missing\.zip is missing: run `make package`"):
        PreprocessFunction(
            stack,
            "Preprocess",
            package=Path("missing.zip"),
            source=uploads,
            output=bucket,
            key=key,
        )


def test_refuses_too_little_memory(
    stack: Stack, package: Path, uploads: s3.IBucket, bucket: s3.IBucket, key: kms.IKey
) -> None:
    with pytest.raises(ValueError, match=r"memory_mb is 512, .* at least 2048"):
        PreprocessFunction(
            stack,
            "Preprocess",
            package=package,
            source=uploads,
            output=bucket,
            key=key,
            memory_mb=512,
        )


@pytest.mark.usefixtures("preprocess")
def test_the_function_reads_the_one_bucket_and_writes_the_other(stack: Stack) -> None:
    assert allowed(stack, "s3:PutObject") == ["arn:<AWS::Partition>:s3:::the-bucket/*"]
    assert allowed(stack, "s3:GetObjectVersion") == ["arn:<AWS::Partition>:s3:::the-uploads/*"]
    assert allowed(stack, "s3:DeleteObject") == []
    # A missing manifest is otherwise "access denied", and looks like a fault.
    assert "arn:<AWS::Partition>:s3:::the-bucket" in allowed(stack, "s3:ListBucket")
