"""One file of a batch transform: its records sent to a container, its answers put in order."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.runtime.container_http import ContainerClient, ContainerGone
from local_aws.runtime.containers import RuntimeFailure, Timeout
from local_aws.runtime.transform_records import MEGABYTE, DataProcessing, payloads, records

DEFAULT_PAYLOAD_MB = 6  # contracts 6, as the other defaults here
DEFAULT_TIMEOUT_SECONDS = 600
DEFAULT_RETRIES = 3
_RETRY_WAIT_SECONDS = 0.2  # doubled each time: a container that is busy gets a moment
_LONGEST_ANSWER = 300  # characters of the model's own words in a failure reason


class Stopped(Exception):  # noqa: N818  a state, not an error
    """StopTransformJob was called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How requests are made: what the job says, else the container, else SageMaker's defaults."""

    concurrent: int
    payload_bytes: int | None  # None: no bound (MaxPayloadInMB 0)
    several: bool  # MultiRecord
    timeout: float
    retries: int

    @classmethod
    def of(cls, job: Mapping[str, Any], parameters: Mapping[str, Any]) -> Limits:
        """Return the limits of a job whose container answered these execution parameters."""
        payload = job.get("MaxPayloadInMB")
        if payload is None:
            payload = parameters.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB)
        strategy = job.get("BatchStrategy") or parameters.get("BatchStrategy", "MultiRecord")
        config = job.get("ModelClientConfig") or {}
        concurrent = job.get("MaxConcurrentTransforms") or parameters.get("MaxConcurrentTransforms")
        return cls(
            concurrent=max(1, int(concurrent or 1)),
            payload_bytes=int(payload) * MEGABYTE or None,
            several=strategy in {"MultiRecord", "MULTI_RECORD"},
            timeout=float(config.get("InvocationsTimeoutInSeconds", DEFAULT_TIMEOUT_SECONDS)),
            retries=int(config.get("InvocationsMaxRetries", DEFAULT_RETRIES)),
        )


def transform_file(
    source: Path,
    target: Path,
    *,
    job: Mapping[str, Any],
    client: ContainerClient,
    limits: Limits,
    processing: DataProcessing,
    stop: threading.Event,
) -> None:
    """Leave the answers to `source`'s records in `target`, in the records' order.

    RuntimeFailure when any record fails; Stopped as soon as `stop` is set.
    """
    headers = {}
    if job["TransformInput"].get("ContentType"):
        headers["Content-Type"] = job["TransformInput"]["ContentType"]
    if job["TransformOutput"].get("Accept"):
        headers["Accept"] = job["TransformOutput"]["Accept"]
    end = b"\n" if job["TransformOutput"].get("AssembleWith", "None") == "Line" else b""

    def send(group: list[tuple[bytes, bytes]]) -> bytes:
        body = b"".join(record for _, record in group)
        answer = _answer(client, body, headers, limits, stop)
        kept = processing.to_keep([original for original, _ in group], answer)
        return kept if not end or kept.endswith(end) else kept + end

    found = (
        (record, processing.to_send(record))
        for record in records(source, job["TransformInput"].get("SplitType", "None"))
    )
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(limits.concurrent) as pool, target.open("wb") as out:
        try:
            for group in payloads(found, limit=limits.payload_bytes, several=limits.several):
                if len(waiting) >= limits.concurrent:  # no more in memory than are on the way
                    out.write(waiting.popleft().result())
                waiting.append(pool.submit(send, group))
            while waiting:
                out.write(waiting.popleft().result())
        finally:
            pool.shutdown(cancel_futures=True)


def _answer(
    client: ContainerClient,
    body: bytes,
    headers: Mapping[str, str],
    limits: Limits,
    stop: threading.Event,
) -> bytes:
    attempt = 0
    while True:
        if stop.is_set():
            raise Stopped
        try:
            answer = client.invoke(body, headers, timeout=limits.timeout)
        except Timeout as error:
            failure, final = RuntimeFailure(str(error)), False
        except ContainerGone:
            reason = "the container closed the connection before it answered"
            failure, final = RuntimeFailure(reason), False
        else:
            if answer.status < 300:
                return answer.body
            text = answer.body[:_LONGEST_ANSWER].decode("utf-8", "replace")
            failure = RuntimeFailure(f"the container answered {answer.status}: {text}")
            final = answer.status < 500  # the same request would be refused again
        if final or attempt >= limits.retries:
            raise failure
        time.sleep(_RETRY_WAIT_SECONDS * 2**attempt)
        attempt += 1
