"""An upload is followed to the execution it caused, and its rejection told as it was written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops import executions, training, upload
from ops.errors import OpsError
from ops.settings import Deployment

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MACHINE = "arn:aws:states:us-east-1:222233334444:stateMachine:shop-dev-ingest"
PUBLISHED = {
    "status": "published",
    "dataset": "shop",
    "version": "00ff",
    "manifest": {
        "bucket": "p",
        "key": "shop/00ff/manifest.json",
        "uri": "s3://p/shop/00ff/manifest.json",
    },
    "rows": {"in": 1200, "train": 840, "validation": 180, "test": 170, "quarantined": 10},
    "seconds": 1.5,
}


def event(key: str) -> str:
    return json.dumps({"detail": {"bucket": {"name": "raw"}, "object": {"key": key}}})


@pytest.fixture
def account(services: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """An account whose executions the test fills in by ARN."""
    held: dict[str, dict[str, Any]] = {}
    services["ssm"] = SimpleNamespace(
        get_parameter=lambda Name: {  # noqa: N803
            "Parameter": {"Value": "raw" if Name.endswith("raw-bucket") else MACHINE}
        }
    )
    services["s3"] = SimpleNamespace(
        upload_file=lambda file, bucket, key: None,
        head_object=lambda Bucket, Key: {"LastModified": NOW},  # noqa: N803
    )
    services["stepfunctions"] = SimpleNamespace(
        list_executions=lambda **_: {
            "executions": [
                {"executionArn": arn, "startDate": run["startDate"]} for arn, run in held.items()
            ]
        },
        describe_execution=lambda executionArn: held[executionArn],  # noqa: N803
        get_execution_history=lambda **_: {"events": []},
    )
    return held


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "may.csv"
    path.write_text("a,b\n1,2\n")
    return path


def run(key: str, *, at: datetime = NOW, **ended: Any) -> dict[str, Any]:
    return {"startDate": at, "input": event(key), "status": "SUCCEEDED", **ended}


def test_follows_the_execution_of_this_file_and_not_an_older_or_a_strangers(
    account: dict[str, dict[str, Any]], deployment: Deployment, file: Path
) -> None:
    old = {**PUBLISHED, "version": "old"}
    account["older"] = run("shop/may.csv", at=NOW - timedelta(minutes=1), output=json.dumps(old))
    account["stranger"] = run("shop/june.csv", output=json.dumps(old))
    account["this"] = run("shop/may.csv", output=json.dumps({"ingested": PUBLISHED}))
    done = upload.upload(deployment, "shop", file)
    assert done.version == "00ff"
    assert str(done) == (
        "published: 1,200 rows in, 840 train, 180 validation, 170 test, "
        "10 quarantined, version 00ff"
    )


def test_a_rejected_file_is_told_in_the_sentence_of_the_preprocessing(
    account: dict[str, dict[str, Any]], deployment: Deployment, file: Path
) -> None:
    cause = {"errorType": "DatasetRejected", "errorMessage": "row 7 has 3 columns, expected 2"}
    account["this"] = run(
        "shop/may.csv", status="FAILED", error="DatasetRejected", cause=json.dumps(cause)
    )
    with pytest.raises(OpsError, match=r"may\.csv is rejected: row 7 has 3 columns") as told:
        upload.upload(deployment, "shop", file)
    assert "nothing was published" in (told.value.fix or "")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("gone.csv", None, "there is no file"),
        ("empty.csv", "", "is empty"),
        ("photo.png", "x", "does not end in .csv, .csv.gz, .jsonl, .jsonl.gz or .parquet"),
    ],
)
def test_refuses_what_cannot_be_ingested_before_uploading_it(
    services: dict[str, Any],
    deployment: Deployment,
    tmp_path: Path,
    name: str,
    content: str | None,
    sentence: str,
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(OpsError, match=sentence):
        upload.upload(deployment, "shop", path)


def test_a_failed_job_is_told_by_its_failure_reason() -> None:
    cause = json.dumps({"TrainingJobName": "j", "FailureReason": "AlgorithmError: no target"})
    execution = executions.Execution(
        arn="a", status="FAILED", input={}, output=None, error="States.TaskFailed", cause=cause
    )
    assert executions.sentence(execution) == "AlgorithmError: no target"


def test_the_failed_state_is_found_through_the_history(services: dict[str, Any]) -> None:
    history = [
        {"id": 4, "previousEventId": 3, "type": "ExecutionFailed"},
        {"id": 3, "previousEventId": 2, "type": "TaskFailed"},
        {
            "id": 2,
            "previousEventId": 1,
            "type": "TaskStateEntered",
            "stateEnteredEventDetails": {"name": "Train"},
        },
        {"id": 1, "previousEventId": 0, "type": "ExecutionStarted"},
    ]
    services["stepfunctions"] = SimpleNamespace(
        get_execution_history=lambda **_: {"events": history}
    )
    assert executions.failed_state("a") == "Train"


def test_a_caught_failure_is_told_by_the_state_and_the_log_of_its_job(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cause = {"TrainingJobName": "shop-7", "FailureReason": "AlgorithmError: boom"}
    end = {"error": "States.TaskFailed", "cause": "AlgorithmError: boom"}
    history: list[dict[str, Any]] = [
        {"id": 6, "type": "ExecutionFailed", "executionFailedEventDetails": end},
        {"id": 5, "type": "FailStateEntered", "stateEnteredEventDetails": {"name": "Failed"}},
        {"id": 4, "type": "TaskSucceeded"},
        {"id": 3, "type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "Tell"}},
        {
            "id": 2,
            "type": "TaskFailed",
            "taskFailedEventDetails": {"error": "States.TaskFailed", "cause": json.dumps(cause)},
        },
        {"id": 1, "type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "Train"}},
    ]
    services["stepfunctions"] = SimpleNamespace(
        get_execution_history=lambda **_: {"events": history}
    )
    monkeypatch.setattr("ops.logs.tail", lambda group, stream_prefix: [stream_prefix])
    execution = executions.Execution(
        arn="a", status="FAILED", input={}, output=None, error=end["error"], cause=end["cause"]
    )
    told = executions.failure(execution, what="PreprocessAndTrain")
    assert told.message == "PreprocessAndTrain failed in 'Train': AlgorithmError: boom"
    assert told.log == ["shop-7"]


def test_metric_lines_are_told_apart_from_other_lines() -> None:
    match = training.METRIC_LINE.search("2026-01-02 metric test:auc=0.7812")
    assert match is not None
    assert (match["name"], float(match["value"])) == ("test:auc", 0.7812)
    assert training.METRIC_LINE.search("[10] validation-auc:0.7") is None
