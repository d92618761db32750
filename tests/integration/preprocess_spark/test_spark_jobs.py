"""Spark for real, on the local AWS: `Ingest` sends it an object, and a folder as one table."""

from __future__ import annotations

import contextlib
import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rich.console import Console
from support.local_aws_server import REPOSITORY
from support.ports import free_port

from ops import aws, executions, settings
from ops.local import infrastructure, server
from ops.local.context import Run
from ops.local.paths import Paths
from ops.ui import Screen

pytestmark = pytest.mark.spark

SPARK = """
[preprocessing.spark]
instance_type = "ml.m5.xlarge"
instance_count = 2
"""
Talking = Callable[[Paths], contextlib.AbstractContextManager[None]]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, talking: Talking) -> Iterator[Run]:
    """The penguins' workflow with Spark, IAM enforced; no upload starts anything by itself."""
    where = Paths(home=tmp_path_factory.mktemp("spark"))
    config = where.home / "config"
    config.mkdir()
    example = (REPOSITORY / "config/examples/penguins.toml").read_text()
    named = example.replace('environment = "penguins"', 'environment = "local"')
    (config / "local.toml").write_text(named + SPARK)
    try:
        with talking(where), pytest.MonkeyPatch.context() as patched:
            patched.setenv("WORKFLOW_CONFIG", str(config))
            run = Run(
                deployment=settings.current(),
                screen=Screen(Console(file=io.StringIO(), width=200)),
                where=where,
                port=free_port(),
                enforce=True,
                time_factor=20.0,
            )
            for stage in (
                infrastructure.start_aws,
                infrastructure.bootstrap,
                infrastructure.deploy,
            ):
                stage(run)
            events = aws.client("events")
            for rule in events.list_rules()["Rules"]:
                events.disable_rule(Name=rule["Name"])
            yield run
    finally:
        server.stop(where)


def table(seed: int, rows: int = 60) -> bytes:
    """Penguins of three kinds, made up."""
    made = random.Random(seed)  # noqa: S311  no secret is made of it
    lines = ["species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year"]
    for n in range(rows):
        kind = ("Adelie", "Gentoo", "Chinstrap")[n % 3]
        sizes = f"{made.uniform(30, 60):.1f},{made.uniform(13, 22):.1f},{made.randint(170, 230)}"
        lines.append(f"{kind},Biscoe,{sizes},{made.randint(2700, 6300)},male,2008")
    return ("\n".join(lines) + "\n").encode()


def spark(run: Run, key: str) -> executions.Execution:
    """Ingest has ended for this key, by Spark."""
    given = {
        "bucket": aws.published(run.deployment, "storage/raw-bucket"),
        "key": key,
        "engine": "spark",
    }
    arn = aws.client("stepfunctions").start_execution(
        stateMachineArn=aws.published(run.deployment, "preprocessing/state-machine-arn"),
        input=json.dumps(given),
    )["executionArn"]
    return executions.finish(arn, patience=200)


def put(run: Run, **objects: bytes) -> None:
    bucket = aws.published(run.deployment, "storage/raw-bucket")
    for name, body in objects.items():
        key = f"penguins/{name.replace('__', '/')}"
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)


def read(uri: str) -> Any:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def test_a_folder_is_one_version_and_tells_which_rows_are_whose(deployed: Run) -> None:
    bad = b"Adelie,Biscoe,wide,15,215,5000,male,2009\n"
    put(deployed, may__a=table(1), may__b=table(2) + bad, may__c=table(3, rows=30), may__=b"")

    ended = spark(deployed, "penguins/may/")

    assert not ended.failed, ended.cause
    assert ended.output["status"] == "published"
    assert (ended.output["rows"]["in"], ended.output["rows"]["quarantined"]) == (151, 1)
    manifest = read(ended.output["manifest"]["uri"])
    assert manifest["source"]["key"] == "penguins/may/"
    assert read(manifest["statistics"])["objects"] == [
        {"key": "penguins/may/a", "first_row": 1, "rows": 60},
        {"key": "penguins/may/b", "first_row": 61, "rows": 61},
        {"key": "penguins/may/c", "first_row": 122, "rows": 30},
    ]
    assert spark(deployed, "penguins/may/").output["status"] == "unchanged"


def test_a_folder_with_bad_objects_is_rejected_and_names_each(deployed: Run) -> None:
    put(deployed, june__a=table(4), june__b=b"PK\x03\x04", june__c=b"a,b\n1,2\n")

    ended = spark(deployed, "penguins/june/")

    assert ended.error == "DatasetRejected"
    assert "/penguins/june/b: It is neither CSV, JSON lines nor Parquet" in ended.cause
    assert "/penguins/june/c: " in ended.cause
    assert "/penguins/june/a" not in ended.cause


def test_an_empty_folder_is_rejected(deployed: Run) -> None:
    ended = spark(deployed, "penguins/july/")
    assert ended.error == "DatasetRejected"
    assert "There is no object under it." in ended.cause
