"""Uploads that come twice, late, never or in folders: one version each, a bad one named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.grants import Grants
from support.policies import wait_for

from ops import __main__ as ops
from ops import aws, executions

ROWS = 60


@pytest.fixture(autouse=True)
def _nothing_starts_by_itself(workflow: Any) -> Iterator[None]:
    """Neither uploads nor manifests start anything while a test runs, unless it says so."""
    for part in ("preprocessing", "training"):
        switch(workflow, part, on=False)
    yield
    for part in ("preprocessing", "training"):
        switch(workflow, part, on=True)


def switch(workflow: Any, part: str, *, on: bool) -> None:
    """The one rule of a stack is enabled, or disabled."""
    (rule,) = resources(workflow, part, "AWS::Events::Rule")
    events, name = workflow.client("events"), rule.rpartition("|")[2]
    events.enable_rule(Name=name) if on else events.disable_rule(Name=name)


def resources(workflow: Any, part: str, type_: str) -> list[str]:
    """The ids of a stack's resources of a type."""
    found = workflow.client("cloudformation").list_stack_resources(
        StackName=workflow.deployment.stack(part)
    )
    return [
        one["PhysicalResourceId"]
        for one in found["StackResourceSummaries"]
        if one["ResourceType"] == type_
    ]


@pytest.fixture
def bucket(workflow: Any) -> str:
    """The raw bucket."""
    return aws.published(workflow.deployment, "storage/raw-bucket")


def rows(workflow: Any, first: int) -> bytes:
    """A good table: the sample's header and some of its rows."""
    lines = workflow.run.sample.read_text().splitlines()
    return ("\n".join([lines[0], *lines[first : first + ROWS]]) + "\n").encode()


def ingest(workflow: Any, *given: dict[str, Any]) -> list[Any]:
    """What Ingest answers to these inputs, all started before the first has ended."""
    machine = aws.published(workflow.deployment, "preprocessing/state-machine-arn")
    started = [
        workflow.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(one)
        )["executionArn"]
        for one in given
    ]
    return [executions.finish(arn, patience=120).output for arn in started]


def event(bucket: str, key: str, put: dict[str, Any], sequencer: str) -> dict[str, Any]:
    """What S3 tells of an upload, as far as Ingest reads it."""
    described = {"key": key, "version-id": put["VersionId"], "sequencer": sequencer}
    return {"detail": {"bucket": {"name": bucket}, "object": described}}


def test_a_folder_goes_through_ingest_again_and_its_bad_object_is_named(
    workflow: Any, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    s3 = workflow.client("s3")
    for number, key in enumerate(("one.csv", "two.csv", "deep/three.csv")):
        s3.put_object(Bucket=bucket, Key=f"flights/old/{key}", Body=rows(workflow, 1 + number))
    s3.put_object(Bucket=bucket, Key="flights/old/bad.csv", Body=b"PK\x03\x04")
    s3.put_object(Bucket=bucket, Key="flights/old/", Body=b"")

    assert ops.main(["backfill", "flights/old/"]) == 1

    told = capsys.readouterr()
    assert "1 of 5 objects were refused; 4 are done" in told.err
    (bad,) = [line for line in told.out.splitlines() if "flights/old/bad.csv: " in line]
    assert "it starts like a zip archive or an Excel workbook" in bad
    assert "Traceback" not in told.err
    assert "4 of 5 done, 1 bad" in told.out
    results = next(line for line in told.out.splitlines() if "results: s3://" in line)
    place, _, key = results.rpartition("s3://")[2].partition("/")
    assert key.startswith("backfills/flights/")
    manifest = json.loads(s3.get_object(Bucket=place, Key=key)["Body"].read())
    (done,) = manifest["ResultFiles"]["SUCCEEDED"]
    listed = json.loads(s3.get_object(Bucket=place, Key=done["Key"])["Body"].read())
    made = [json.loads(one["Output"]) for one in listed]
    assert [one["status"] for one in made if "status" in one] == ["published"] * 3


def test_a_folder_of_bad_objects_is_left_alone_after_some(
    workflow: Any, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(6):
        workflow.client("s3").put_object(
            Bucket=bucket, Key=f"flights/wrong/{number}.csv", Body=f"{number}".encode()
        )

    assert ops.main(["backfill", "flights/wrong/"]) == 1

    told = capsys.readouterr()
    assert "were left alone: The specified tolerated failure threshold was exceeded" in told.err
    assert f"flights/wrong/0.csv: s3://{bucket}/flights/wrong/0.csv was rejected" in told.out


def test_an_upload_that_could_not_start_is_replayed(
    workflow: Any, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rule's role lost its grant, so the event became a dead letter; `make replay` takes it."""
    prefix = f"{workflow.deployment.prefix}-"
    clients = {name: workflow.client(name) for name in ("iam", "cloudformation")}
    grants, key = Grants(**clients, prefix=prefix), "flights/replayed.csv"
    wait_for(lambda: dead_letters(workflow), lambda seen: seen == 0)
    trigger = "preprocessing/IngestUploadsRole"
    switch(workflow, "preprocessing", on=True)
    with grants.without(trigger, ["states:StartExecution"]):
        workflow.client("s3").put_object(Bucket=bucket, Key=key, Body=rows(workflow, 10))
        wait_for(lambda: dead_letters(workflow), lambda seen: seen == 1)

    assert ops.main(["replay"]) == 0

    assert f"Ingest is running for s3://{bucket}/{key}" in capsys.readouterr().out
    machine = aws.published(workflow.deployment, "preprocessing/state-machine-arn")
    found = executions.find(machine, lambda given: key in json.dumps(given), patience=20)
    assert found is not None
    assert executions.finish(found.arn, patience=120).output["status"] == "published"
    assert dead_letters(workflow) == 0
    assert ops.main(["replay"]) == 0
    assert "0 replayed" in capsys.readouterr().out


def dead_letters(workflow: Any) -> int:
    """How many messages lie in the preprocessing stack's queues."""
    sqs, name = workflow.client("sqs"), "ApproximateNumberOfMessages"
    queues = resources(workflow, "preprocessing", "AWS::SQS::Queue")
    asked = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name]) for url in queues]
    return sum(int(one["Attributes"][name]) for one in asked)


def test_an_event_that_is_delivered_twice_at_once_makes_one_version(
    workflow: Any, bucket: str
) -> None:
    key = "flights/twice.csv"
    put = workflow.client("s3").put_object(Bucket=bucket, Key=key, Body=rows(workflow, 20))
    told = event(bucket, key, put, "00aa")

    both = ingest(workflow, told, told)

    assert sorted(one["status"] for one in both) == ["published", "unchanged"]
    assert both[0]["manifest"] == both[1]["manifest"]
    place = both[0]["manifest"]
    versions = workflow.client("s3").list_object_versions(
        Bucket=place["bucket"], Prefix=place["key"]
    )["Versions"]
    assert len(versions) == 1


def test_an_event_that_comes_after_that_of_a_newer_upload_is_answered_with_the_newer_one(
    workflow: Any, bucket: str
) -> None:
    key, s3 = "flights/late.csv", workflow.client("s3")
    old = s3.put_object(Bucket=bucket, Key=key, Body=rows(workflow, 30))
    new = s3.put_object(Bucket=bucket, Key=key, Body=rows(workflow, 31))

    [newer] = ingest(workflow, event(bucket, key, new, "00b2"))
    [late] = ingest(workflow, event(bucket, key, old, "00b1"))

    assert (newer["status"], late["status"]) == ("published", "superseded")
    assert late["version"] == newer["version"]
    assert late["manifest"] == newer["manifest"]


def train(workflow: Any, manifest: dict[str, Any]) -> Any:
    """What PreprocessAndTrain answers to S3's event of a manifest, as it stands."""
    machine = aws.published(workflow.deployment, "training/state-machine-arn")
    s3, place = workflow.client("s3"), {"Bucket": manifest["bucket"], "Key": manifest["key"]}
    described = {"key": manifest["key"], "version-id": s3.head_object(**place)["VersionId"]}
    told = {"detail": {"bucket": {"name": manifest["bucket"]}, "object": described}}
    arn = workflow.client("stepfunctions").start_execution(
        stateMachineArn=machine, input=json.dumps(told)
    )["executionArn"]
    return executions.finish(arn, patience=120)


def test_no_model_is_trained_on_what_was_overwritten_meanwhile(workflow: Any, bucket: str) -> None:
    """The event of the older manifest comes after the newer version has taken its place."""
    key, s3 = "flights/overwritten.csv", workflow.client("s3")
    old = s3.put_object(Bucket=bucket, Key=key, Body=rows(workflow, 40))
    new = s3.put_object(Bucket=bucket, Key=key, Body=rows(workflow, 41))
    [first] = ingest(workflow, event(bucket, key, old, "00c1"))
    [second] = ingest(workflow, event(bucket, key, new, "00c2"))

    ended = train(workflow, first["manifest"])

    assert not ended.failed, ended
    assert ended.output == {
        "status": f"not trained on: superseded by version {second['version']}",
        "manifest": first["manifest"]["uri"],
    }


def test_no_model_is_trained_on_what_a_backfill_published(workflow: Any, bucket: str) -> None:
    s3, key = workflow.client("s3"), "flights/again/once.csv"
    s3.put_object(Bucket=bucket, Key=key, Body=rows(workflow, 50))
    assert ops.main(["backfill", "flights/again/"]) == 0
    [answer] = ingest(workflow, {"bucket": bucket, "key": key, "starts_training": False})
    assert answer["status"] == "unchanged"

    ended = train(workflow, answer["manifest"])

    assert not ended.failed, ended
    assert ended.output["status"] == "not trained on: published by a backfill"
    # The upload's own event, which was slower, announces it again.
    put = s3.head_object(Bucket=bucket, Key=key)
    [told] = ingest(workflow, event(bucket, key, put, "00d1"))
    assert told["status"] == "published"
    assert told["manifest"] == answer["manifest"]


def test_a_backfill_can_train_on_the_newest_upload(
    workflow: Any, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It asks for the raw object; Ingest announces its manifest, and that starts the training."""
    s3 = workflow.client("s3")
    for name in ("older", "newer"):
        s3.put_object(Bucket=bucket, Key=f"flights/trained/{name}.csv", Body=rows(workflow, 60))

    assert ops.main(["backfill", "flights/trained/", "--train"]) == 0

    told = capsys.readouterr().out
    assert "PreprocessAndTrain is running for flights/trained/newer.csv" in told
    machine = aws.published(workflow.deployment, "training/state-machine-arn")
    asked = lambda given: "flights/trained/newer.csv" in json.dumps(given)  # noqa: E731
    found = executions.find(machine, asked, patience=20)
    assert found is not None
    ended = executions.finish(found.arn, patience=120)
    assert ended.output["status"].startswith("handed over"), ended


def test_an_upload_whose_run_broke_off_is_kept_and_replayed(
    workflow: Any, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The function may not write for a while: no fault of the upload."""
    key, s3 = "flights/broken-off.csv", workflow.client("s3")
    put = s3.put_object(Bucket=bucket, Key=key, Body=rows(workflow, 70))
    clients = {name: workflow.client(name) for name in ("iam", "cloudformation")}
    grants = Grants(**clients, prefix=f"{workflow.deployment.prefix}-")
    told = event(bucket, key, put, "00e1")
    with grants.without("preprocessing/PreprocessRole", ["s3:PutObject"]):
        machine = aws.published(workflow.deployment, "preprocessing/state-machine-arn")
        arn = workflow.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(told)
        )["executionArn"]
        broken = executions.finish(arn, patience=120)
    assert (broken.failed, broken.error) == (True, "S3Error")
    assert dead_letters(workflow) == 1

    assert ops.main(["replay"]) == 0

    assert f"Ingest is running for s3://{bucket}/{key}" in capsys.readouterr().out
    asked = {"bucket": bucket, "key": key, "version_id": put["VersionId"], "sequencer": "00e1"}
    found = executions.find(machine, lambda given: given == asked, patience=20)
    assert found is not None
    assert executions.finish(found.arn, patience=120).output["status"] == "published"
    assert dead_letters(workflow) == 0


def test_a_rejected_upload_is_no_dead_letter(workflow: Any, bucket: str) -> None:
    key = "flights/no-table.csv"
    workflow.client("s3").put_object(Bucket=bucket, Key=key, Body=b"PK\x03\x04")
    machine = aws.published(workflow.deployment, "preprocessing/state-machine-arn")
    arn = workflow.client("stepfunctions").start_execution(
        stateMachineArn=machine, input=json.dumps({"bucket": bucket, "key": key})
    )["executionArn"]

    assert executions.finish(arn, patience=120).error == "DatasetRejected"
    assert dead_letters(workflow) == 0
