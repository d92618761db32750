"""A folder of uploads goes through Ingest again, and a person sees how far it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from ops import aws, executions
from ops.errors import OpsError
from ops.settings import Deployment

LONGEST_SECONDS = 14 * 24 * 3600  # the state machine's own limit
SHOWN = 20  # bad objects that are named; all are in the results


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How far a backfill is, in objects."""

    total: int = 0
    done: int = 0
    failed: int = 0

    def __str__(self) -> str:
        """The counts in one line."""
        return f"{self.done} of {self.total} done" + (f", {self.failed} bad" if self.failed else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Backfilled:
    """What became of the objects; `bad` says of each refused one why, by its key."""

    counts: Counts
    results: str
    bad: dict[str, str] = field(default_factory=dict)
    ended_early: str = ""


def backfill(
    deployment: Deployment,
    dataset: str,
    prefix: str,
    *,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[Counts], None] = lambda counts: None,
) -> Backfilled:
    """Every object under the prefix went through Ingest, or was refused for a reason.

    Once more are refused than the config tolerates the rest is left alone. `say` is told the
    execution, `progress` how far it is.
    """
    check(dataset, prefix)
    machine = aws.published(deployment, "preprocessing/backfill-arn")
    bucket = aws.published(deployment, "storage/raw-bucket")
    if not aws.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)["KeyCount"]:
        raise OpsError(
            f"there is no object under s3://{bucket}/{prefix}",
            fix=f"aws s3 ls s3://{bucket}/{dataset}/ shows what was uploaded",
        )
    arn = aws.client("stepfunctions").start_execution(
        stateMachineArn=machine, input=json.dumps({"prefix": prefix})
    )["executionArn"]
    say(f"execution {arn}")
    ended = executions.finish(
        arn, while_waiting=lambda: progress(_counts(_map_run(arn))), patience=LONGEST_SECONDS
    )
    run = _map_run(arn)
    if run is None:
        raise executions.failure(ended, what="the backfill")
    progress(_counts(run))
    return Backfilled(
        counts=_counts(run),
        results=str((ended.output or {}).get("results", "")) if not ended.failed else "",
        bad=_bad(run),
        ended_early=executions.sentence(ended) if ended.failed else "",
    )


def train_on_newest(deployment: Deployment, prefix: str, *, but: Collection[str]) -> str | None:
    """PreprocessAndTrain runs for the newest upload under the prefix; its key, None for no upload.

    Those in `but` do not count: they were refused.
    """
    bucket = aws.published(deployment, "storage/raw-bucket")
    machine = aws.published(deployment, "training/state-machine-arn")
    pages = aws.client("s3").get_paginator("list_objects_v2")
    listed = [
        one
        for page in pages.paginate(Bucket=bucket, Prefix=prefix)
        for one in page.get("Contents", [])
        if one["Size"] and not one["Key"].endswith("/") and one["Key"] not in but
    ]
    if not listed:
        return None
    key = str(max(listed, key=lambda one: (one["LastModified"], one["Key"]))["Key"])
    aws.client("stepfunctions").start_execution(
        stateMachineArn=machine, input=json.dumps({"raw": {"bucket": bucket, "key": key}})
    )
    return key


def check(dataset: str, prefix: str) -> None:
    """A backfill may be asked for so."""
    if not prefix.startswith(f"{dataset}/"):
        raise OpsError(
            f"the prefix is {prefix!r}, allowed is one under {dataset}/, where its uploads are",
            fix=f"make backfill PREFIX={dataset}/",
        )


def _map_run(execution: str) -> dict[str, Any] | None:
    """The run of the execution's map, None before there is one."""
    states = aws.client("stepfunctions")
    found = states.list_map_runs(executionArn=execution)["mapRuns"]
    if not found:
        return None
    described: dict[str, Any] = states.describe_map_run(mapRunArn=found[0]["mapRunArn"])
    return described


def _counts(run: dict[str, Any] | None) -> Counts:
    if run is None:
        return Counts()
    items = run["itemCounts"]
    failed = items["failed"] + items["timedOut"]
    return Counts(total=items["total"], done=items["succeeded"], failed=failed)


def _bad(run: dict[str, Any]) -> dict[str, str]:
    """Why the first of the refused objects were, by key."""
    states = aws.client("stepfunctions")
    listed = states.list_executions(
        mapRunArn=run["mapRunArn"], statusFilter="FAILED", maxResults=SHOWN
    )["executions"]
    children = (executions.describe(one["executionArn"]) for one in listed)
    return dict(sorted((str(one.input["key"]), executions.sentence(one)) for one in children))
