"""`python -m ops backfill`: a folder goes through Ingest, its bad objects are named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ops import __main__ as ops
from ops import backfill
from ops.errors import OpsError
from ops.settings import Deployment

NONE = {"total": 4, "succeeded": 0, "failed": 0, "timedOut": 0}
BAD = {
    "status": "FAILED",
    "input": json.dumps({"bucket": "raw", "key": "shop/b.csv"}),
    "error": "States.TaskFailed",
    "cause": "DatasetRejected: s3://raw/shop/b.csv is rejected: It is empty.",
}


@pytest.fixture
def account(services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An account whose one execution ends after a look at it, with the counts the test sets."""
    held: dict[str, Any] = {
        "objects": 1,
        "counts": [NONE, {**NONE, "succeeded": 3, "failed": 1}],
        "end": {"status": "SUCCEEDED", "output": json.dumps({"results": "s3://p/manifest.json"})},
        "runs": [{"mapRunArn": "run"}],
        "asked": None,
    }
    looks = iter(({"status": "RUNNING"}, {"status": "RUNNING"}))

    def describe(executionArn: str) -> dict[str, Any]:  # noqa: N803
        return BAD if executionArn == "child" else next(looks, held["end"])

    def start(**asked: Any) -> dict[str, str]:
        held["asked"] = json.loads(asked["input"])
        return {"executionArn": "execution"}

    counts = lambda: held["counts"].pop(0) if len(held["counts"]) > 1 else held["counts"][0]  # noqa: E731
    services["s3"] = SimpleNamespace(list_objects_v2=lambda **_: {"KeyCount": held["objects"]})
    services["ssm"] = SimpleNamespace(
        get_parameter=lambda Name: {"Parameter": {"Value": Name.rpartition("/")[2]}}  # noqa: N803
    )
    services["stepfunctions"] = SimpleNamespace(
        start_execution=start,
        describe_execution=describe,
        list_map_runs=lambda **_: {"mapRuns": held["runs"]},
        describe_map_run=lambda **_: {"mapRunArn": "run", "itemCounts": counts()},
        list_executions=lambda **_: {"executions": [{"executionArn": "child"}]},
        get_execution_history=lambda **_: {"events": []},
    )
    monkeypatch.setattr("ops.executions.POLL_SECONDS", 0)
    return held


def test_follows_the_backfill_and_names_the_bad_object(
    account: dict[str, Any], deployment: Deployment
) -> None:
    seen: list[str] = []

    done = backfill.backfill(
        deployment, "shop", "shop/", progress=lambda counts: seen.append(str(counts))
    )

    assert account["asked"] == {"prefix": "shop/"}
    assert seen == ["0 of 4 done", "3 of 4 done, 1 bad", "3 of 4 done, 1 bad"]
    assert done.bad == {"shop/b.csv": BAD["cause"]}
    assert done.results == "s3://p/manifest.json"
    assert done.ended_early == ""


def test_a_backfill_that_ended_early_says_so(
    account: dict[str, Any], deployment: Deployment
) -> None:
    account["end"] = {"status": "FAILED", "error": "States.ExceedToleratedFailureThreshold"}

    done = backfill.backfill(deployment, "shop", "shop/")

    assert done.ended_early == "States.ExceedToleratedFailureThreshold"
    assert done.results == ""


def test_an_execution_that_could_list_nothing_is_told_as_any_failure(
    account: dict[str, Any], deployment: Deployment
) -> None:
    account["runs"] = []
    account["end"] = {"status": "FAILED", "error": "States.ItemReaderFailed", "cause": "denied"}

    with pytest.raises(OpsError, match="the backfill failed: denied"):
        backfill.backfill(deployment, "shop", "shop/")


def test_nothing_is_started_where_nothing_lies(
    account: dict[str, Any], deployment: Deployment
) -> None:
    account["objects"] = 0

    with pytest.raises(
        OpsError, match="there is no object under s3://raw-bucket/shop/may/"
    ) as told:
        backfill.backfill(deployment, "shop", "shop/may/")

    assert told.value.fix == "aws s3 ls s3://raw-bucket/shop/ shows what was uploaded"
    assert account["asked"] is None


def test_refuses_another_folder_before_it_looks_for_an_account(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORKFLOW_ENV", "local")

    assert ops.main(["backfill", "2013/"]) == 1

    told = capsys.readouterr().err
    assert "the prefix is '2013/', allowed is one under flights/, where its uploads are" in told
    assert "make backfill PREFIX=flights/" in told


class Listing:
    """S3's listing of some uploads, in two pages."""

    def __init__(self, *uploads: tuple[str, int, int]) -> None:
        self.contents = [
            {"Key": key, "Size": size, "LastModified": datetime(2026, 1, day, tzinfo=UTC)}
            for key, size, day in uploads
        ]

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Contents": self.contents[:2]}, {"Contents": self.contents[2:]}, {}]


@pytest.mark.parametrize(
    ("uploads", "key"),
    [
        ([("shop/a", 1, 1), ("shop/c", 1, 3), ("shop/b.csv", 1, 9), ("shop/", 0, 9)], "shop/c"),
        ([("shop/b.csv", 1, 9), ("shop/", 0, 9)], None),
    ],
    ids=["the newest good one", "none is good"],
)
def test_trains_on_the_newest_upload_that_was_not_refused(
    account: dict[str, Any],
    services: dict[str, Any],
    deployment: Deployment,
    uploads: list[tuple[str, int, int]],
    key: str | None,
) -> None:
    services["s3"].get_paginator = lambda _: Listing(*uploads)

    assert backfill.train_on_newest(deployment, "shop/", but=["shop/b.csv"]) == key
    asked = {"raw": {"bucket": "raw-bucket", "key": key}} if key else None
    assert account["asked"] == asked
