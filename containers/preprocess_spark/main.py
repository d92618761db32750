"""The job `smspark-submit` runs: one event in, one dataset version out, its result in the message.

The event's object is one object, or all under a key that ends in a slash, as one table.

`main.py <package> <event>`: the function's package, and the function's event as a JSON file with a
`region` beside its members. `/opt/ml/output/message`, which becomes the job's ExitMessage, holds
the function's result, or {"error", "cause"} for an object that is rejected: that is no failure
of the job, and nothing is gained by running it again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from preprocess_spark.code import importable

MESSAGE_BYTES = 1024  # SageMaker keeps no more of an exit message
# What a task needs of this process's environment, on whatever instance it runs.
HANDED_ON = (
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)


class Spark:
    """The cluster of a Spark context."""

    def __init__(self, context: Any, package: str) -> None:
        self.context, self.package = context, package

    def each(self, tasks: Sequence[bytes]) -> list[bytes]:
        """Return the answer of every task, in order."""
        answers: list[bytes] = self._run(tasks).collect()
        return answers

    def whole(self, tasks: Sequence[bytes]) -> bytes:
        """Return the lessons of all tasks as one; they meet on the instances, not here."""
        found: bytes = self._run(tasks).treeReduce(partial(_combine, self.package), depth=3)
        return found

    def _run(self, tasks: Sequence[bytes]) -> Any:
        parallel = self.context.parallelize(list(tasks), max(len(tasks), 1))
        return parallel.map(partial(_task, self.package))


def _task(package: str, task: bytes) -> bytes:
    importable(package)
    from preprocess_spark import work

    return work.run(task)


def _combine(package: str, one: bytes, other: bytes) -> bytes:
    importable(package)
    from preprocess_spark import work

    return work.combine(one, other)


def result_of(context: Any, package: str, event: dict[str, Any]) -> dict[str, Any]:
    """Publish the event's version on the cluster and return what the exit message says."""
    importable(package)
    from preprocess import job
    from preprocess.faults import DatasetRejected
    from preprocess.source import describe
    from preprocess_spark import folder
    from preprocess_spark.engine import Engine
    from preprocess_spark.work import client

    engine = Engine(Spark(context, package), region=event["region"])
    found: job.Describe = describe
    if folder.is_folder(event["object"]):
        place = event["object"]
        engine.parts = folder.sources(place["bucket"], _listed(place, event["region"]))
        found = lambda s3, place: folder.whole(place, engine.parts)  # noqa: E731
    try:
        return job.process(event, client(event["region"]), engine.prepare, found).result()
    except DatasetRejected as rejected:
        return {"error": "DatasetRejected", "cause": str(rejected)}


def _listed(place: dict[str, Any], region: str) -> Iterator[dict[str, Any]]:
    import botocore.session

    session: Any = botocore.session.get_session()
    s3 = session.create_client("s3", region_name=region)
    pages = s3.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=place["bucket"], Prefix=place["key"]):
        yield from page.get("Contents", [])


def message(result: dict[str, Any]) -> str:
    """Return the result as JSON that is not cut: a cause too long ends in three dots."""
    text = json.dumps(result)
    while len(text.encode()) > MESSAGE_BYTES and "cause" in result:
        over = len(text.encode()) - MESSAGE_BYTES
        result = {**result, "cause": result["cause"][: -over - 4] + "..."}
        text = json.dumps(result)
    return text


def main(arguments: Sequence[str]) -> None:
    """Run the job in a Spark context of its own."""
    from pyspark import SparkConf, SparkContext

    package, event = arguments
    os.environ["POLARS_MAX_THREADS"] = "1"  # Spark has one task for every core already
    settings = SparkConf().setAppName("preprocess").set("spark.executorEnv.POLARS_MAX_THREADS", "1")
    for name in HANDED_ON:
        if name in os.environ:
            settings.set(f"spark.executorEnv.{name}", os.environ[name])
    with SparkContext(conf=settings) as context:
        result = result_of(context, package, json.loads(Path(event).read_text()))
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    (base / "output").mkdir(parents=True, exist_ok=True)
    (base / "output" / "message").write_text(message(result))
    print(json.dumps(result))  # noqa: T201 (the job's log)


if __name__ == "__main__":
    main(sys.argv[1:])
