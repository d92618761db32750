"""A constant stream of asynchronous requests; each must have its answer in the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import aiohttp
from support.load import Answer, Failure, Load
from support.local_aws_server import LocalAws

_PATIENCE_SECONDS = 60.0  # without any answer; while answers come, those behind them may too
_LONGEST_SECONDS = 480.0
_READERS = 2
_HEADERS = {"X-Amzn-SageMaker-Content-Type": "text/csv"}
_LOCATION = "X-Amzn-SageMaker-OutputLocation"


class AsyncLoad(Load):
    """Requests are sent when their time has come; what they led to is read by `collect`."""

    def __init__(self, aws: LocalAws, endpoint_name: str, *, rate: float) -> None:
        super().__init__(aws, endpoint_name, body=b"x", rate=rate, headers=_HEADERS)
        self._url = self._url.removesuffix("/invocations") + "/async-invocations"
        self._s3 = aws.client("s3")
        self._waiting: list[tuple[float, str]] = []  # when it was sent, where its answer will be
        self._read = 0
        self._last = 0.0  # when an answer was found

    def collect(self, least: int) -> None:
        """The first `least` requests are answered, or failed for want of an answer."""
        began = self._last = time.monotonic()
        while len(self._waiting) < least:
            if time.monotonic() > began + _PATIENCE_SECONDS:
                raise TimeoutError(f"{len(self._waiting)} of {least} requests were accepted")
            time.sleep(0.05)
        new, self._read = self._waiting[self._read : least], max(self._read, least)
        with ThreadPoolExecutor(_READERS) as readers:
            for (sent, uri), text in zip(
                new,
                readers.map(lambda one: self._answer(one[1], began + _LONGEST_SECONDS), new),
                strict=True,
            ):
                if text is None:
                    self.report.failed.append(Failure(time.time(), 0, f"no answer at {uri}", sent))
                    continue
                self.report.succeeded += 1
                self.report.by_answer[text] += 1
                self.report.answers.append(Answer(sent, text))

    def collect_all(self) -> None:
        """Every request that was sent is accounted for."""
        self.collect(len(self._waiting))

    async def _send(self, session: aiohttp.ClientSession) -> None:
        sent = time.time()
        try:
            async with session.post(self._url, data=self._body, headers=self._sign()) as answer:
                text, status = await answer.text(), answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            status, text = 0, f"{type(error).__name__}: {error}"
        self.report.by_status[status] += 1
        if status == 202:
            self._waiting.append((sent, answer.headers[_LOCATION]))
        else:
            self.report.failed.append(Failure(time.time(), status, text, sent))

    def _answer(self, uri: str, end: float) -> str | None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        while True:
            try:
                found: Any = self._s3.get_object(Bucket=bucket, Key=key)
            except self._s3.exceptions.NoSuchKey:
                if time.monotonic() > min(end, self._last + _PATIENCE_SECONDS):
                    return None
                time.sleep(0.1)
            else:
                self._last = time.monotonic()
                return str(found["Body"].read().decode())


@contextmanager
def constant_async_load(aws: LocalAws, name: str, *, rate: float) -> Iterator[AsyncLoad]:
    """The report is whole after the block."""
    load = AsyncLoad(aws, name, rate=rate)
    load.start()
    try:
        yield load
    finally:
        load.stop()
        load.collect_all()
        print(f"asynchronous load on {name}: {load.report}")  # noqa: T201  shown with a failing test
