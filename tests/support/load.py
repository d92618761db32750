"""A constant stream of invocations while a test does something to the endpoint.

    from support.load import constant_load

    aws = local_aws_server()
    with constant_load("flights", body=b"1,2", content_type="text/csv", server=aws) as load:
        update_the_endpoint()
        assert load.report.by_variant  # it can be read while it runs
    assert load.report.failed == []

The load is open loop: a request is sent when its time has come, whether or not those before it were
answered, so a server that stalls is found out. Nothing is retried; what the server closes or does
not answer is a failure with status 0. At 50 requests a second it takes a few percent of one core.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

ANSWER_SECONDS = 70  # contracts 2.2: what a client should wait for an invocation of up to 60 s
_END_SECONDS = ANSWER_SECONDS + 30  # the last request is answered or given up by then
_KEEP_ALIVE_SECONDS = 2  # shorter than any server's, so that it never closes as we send
_VARIANT = "x-Amzn-Invoked-Production-Variant"


class Server(Protocol):
    """A local AWS seen by one principal, as `LocalAws` is."""

    @property
    def endpoint(self) -> str: ...

    def session(self) -> Any: ...


class Failure(NamedTuple):
    """An answer other than 200: when it came (epoch seconds), its status, its text."""

    time: float
    status: int  # 0: no answer at all
    text: str
    sent: float  # when its request was (epoch seconds)


class Answer(NamedTuple):
    """A 200: when its request was sent (epoch seconds), and its text."""

    sent: float
    text: str


@dataclass(kw_only=True)
class Report:
    """What became of the requests so far; after the load, `sent` is `succeeded` plus failures."""

    sent: int = 0
    succeeded: int = 0
    failed: list[Failure] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)  # in the order they came
    by_status: Counter[int] = field(default_factory=Counter)
    by_variant: Counter[str] = field(default_factory=Counter)
    by_answer: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)  # seconds, of every answer
    rate: float = 0.0  # requests sent a second

    def latency(self, percentile: float) -> float:
        """The latency that this percentage of the answers did not exceed, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percentile / 100))]

    def __str__(self) -> str:
        slowest = f", p99 {self.latency(99) * 1000:.0f} ms" if self.latencies else ""
        return (
            f"{self.sent} sent at {self.rate:.1f}/s, {self.succeeded} succeeded, "
            f"{len(self.failed)} failed {dict(self.by_status)}{slowest}; "
            f"variants {dict(self.by_variant)}; "
            f"answers {dict(self.by_answer.most_common(5))}"
        )


class Load:
    """A running load. `report` is as of now."""

    def __init__(
        self,
        server: Server,
        endpoint_name: str,
        *,
        body: bytes,
        rate: float,
        headers: Mapping[str, str],
    ) -> None:
        self.report = Report()
        self._url = f"{server.endpoint}/endpoints/{quote(endpoint_name)}/invocations"
        self._body, self._interval, self._headers = body, 1 / rate, headers
        session = server.session()
        self._signer = SigV4Auth(session.get_credentials(), "sagemaker", session.region_name)
        self._signed: tuple[int, dict[str, str]] = (0, {})
        self._stop = threading.Event()
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Return once every request that was sent is answered or given up."""
        self._stop.set()
        self._thread.join(_END_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError(f"the load did not end within {_END_SECONDS} s: {self.report}")
        if self._broken is not None:
            raise self._broken

    def _run(self) -> None:
        try:
            asyncio.run(self._send_all())
        except BaseException as error:  # noqa: BLE001  raised again by stop()
            self._broken = error

    async def _send_all(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        waiting: set[asyncio.Task[None]] = set()
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            began = time.monotonic()
            while not self._stop.is_set():
                due = began + self.report.sent * self._interval
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                self.report.sent += 1
                task = asyncio.create_task(self._send(session))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
                self.report.rate = self.report.sent / (time.monotonic() - began + self._interval)
            if waiting:
                await asyncio.gather(*waiting)

    async def _send(self, session: aiohttp.ClientSession) -> None:
        sent, began = time.time(), time.monotonic()
        try:
            async with session.post(self._url, data=self._body, headers=self._sign()) as answer:
                text = (await answer.read()).decode(errors="replace")
                status, variant = answer.status, answer.headers.get(_VARIANT, "")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            status, variant, text = 0, "", f"{type(error).__name__}: {error}"
        report = self.report
        report.by_status[status] += 1
        if status != 200:
            report.failed.append(Failure(time.time(), status, text, sent))
            return
        report.succeeded += 1
        report.by_variant[variant] += 1
        report.by_answer[text] += 1
        report.answers.append(Answer(sent, text))
        report.latencies.append(time.monotonic() - began)

    def _sign(self) -> dict[str, str]:
        """The headers of a request sent now: a signature holds for its second."""
        second = int(time.time())
        if self._signed[0] != second:
            request = AWSRequest("POST", self._url, data=self._body, headers=dict(self._headers))
            self._signer.add_auth(request)
            self._signed = second, dict(request.headers.items())
        return self._signed[1]


@contextlib.contextmanager
def constant_load(
    endpoint_name: str,
    *,
    server: Server,
    body: bytes = b"",
    content_type: str = "text/csv",
    rate: float = 50,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Load]:
    """A load that runs for the block and prints its counts at the end.

    `headers` are further ones, such as `X-Amzn-SageMaker-Target-Variant`.
    """
    given = {"Content-Type": content_type, **(headers or {})}
    load = Load(server, endpoint_name, body=body, rate=rate, headers=given)
    load.start()
    try:
        yield load
    finally:
        load.stop()
        print(f"load on {endpoint_name}: {load.report}")  # noqa: T201  shown with a failing test
