"""A constant stream of asynchronous requests; each must have its answer in the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.load import Failure, Report
from support.local_aws_server import LocalAws

_PATIENCE_SECONDS = 60.0
_THREADS = 4  # a client of boto3 signs and waits for one request at a time


@contextmanager
def constant_async_load(aws: LocalAws, name: str, *, rate: float = 50) -> Iterator[Report]:
    """The report fills while the block runs, and is whole after it."""
    report, stop, outputs, lock = Report(), threading.Event(), list[str](), threading.Lock()

    def submit() -> None:
        runtime = aws.session().client("sagemaker-runtime", endpoint_url=aws.endpoint)
        began, mine = time.monotonic(), 0
        while not stop.is_set():
            time.sleep(max(0.0, began + mine * _THREADS / rate - time.monotonic()))
            mine += 1
            try:
                outputs.append(_submit(runtime, name))
            except Exception as error:  # noqa: BLE001  a lost request, whatever the reason
                report.failed.append(Failure(time.time(), 0, repr(error)))
        with lock:
            report.sent += mine
            report.rate += mine / (time.monotonic() - began)

    threads = [threading.Thread(target=submit, daemon=True) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    try:
        yield report
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        _collect(aws, outputs, report)
        print(f"asynchronous load on {name}: {report}")  # noqa: T201  shown with a failing test


def _submit(runtime: Any, name: str) -> str:
    answer = runtime.invoke_endpoint_async(EndpointName=name, Body=b"x", ContentType="text/csv")
    return str(answer["OutputLocation"])


def _collect(aws: LocalAws, outputs: list[str], report: Report) -> None:
    s3, deadline = aws.client("s3"), time.monotonic() + _PATIENCE_SECONDS
    for uri in outputs:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        while True:
            try:
                text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
            except s3.exceptions.NoSuchKey:
                if time.monotonic() > deadline:
                    report.failed.append(Failure(time.time(), 0, f"no answer at {uri}"))
                    break
                time.sleep(0.05)
                continue
            report.succeeded += 1
            report.by_answer[text] += 1
            break
