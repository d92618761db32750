"""The platform's side of a serving container's HTTP contract (contracts 2)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, ReadTimeoutError

from local_aws.runtime.containers import Timeout

PING_TIMEOUT_SECONDS = 2.0  # contracts 2.2
CONNECT_TIMEOUT_SECONDS = 2.0  # 250 ms on SageMaker; a laptop under load is given more
INVOCATION_TIMEOUT_SECONDS = 60.0
STREAM_TIMEOUT_SECONDS = 480.0
INVOCATIONS = "/invocations"
_STREAM_CHUNK = 64 * 1024

# What reaches a container of InvokeEndpoint's headers; the rest is stripped (contracts 2.2).
_REQUEST_HEADERS = {
    "content-type",
    "accept",
    "x-amzn-sagemaker-custom-attributes",
    "x-amzn-sagemaker-target-model",
    "x-amzn-sagemaker-target-container-hostname",
    "x-amzn-sagemaker-inference-id",
    "x-amzn-sagemaker-session-id",
    "x-amzn-sagemaker-prefix-aware-id",
}


class ContainerGone(Exception):  # noqa: N818  it says what happened
    """The container closed the connection or takes none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A container's whole answer to one request; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


def allowed_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an invocation that the container may see."""
    return {name: value for name, value in headers.items() if name.lower() in _REQUEST_HEADERS}


class ContainerClient:
    """HTTP to one container on a loopback port; safe to use from many threads."""

    def __init__(self, port: int, *, connections: int = 64) -> None:
        self._pool = urllib3.HTTPConnectionPool(
            "127.0.0.1", port, maxsize=connections, retries=False, block=False
        )

    def ping(self) -> bool:
        """Whether `/ping` answers 200 within its two seconds."""
        try:
            timeout = urllib3.Timeout(total=PING_TIMEOUT_SECONDS)
            return self._pool.request("GET", "/ping", timeout=timeout).status == 200
        except HTTPError:
            return False

    def execution_parameters(self) -> dict[str, Any]:
        """Return what the container asks batch transform for; {} when it does not say."""
        try:
            answer = self._pool.request(
                "GET", "/execution-parameters", timeout=urllib3.Timeout(total=PING_TIMEOUT_SECONDS)
            )
            values = json.loads(answer.data) if answer.status == 200 else {}
        except (HTTPError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def invoke(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float = INVOCATION_TIMEOUT_SECONDS,
        path: str = INVOCATIONS,
    ) -> Answer:
        """POST `/invocations` and return the answer; Timeout, ContainerGone."""
        return self.ask("POST", path, body, headers, timeout=timeout)

    def ask(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, timeout: float
    ) -> Answer:
        """Return the answer to any request of the contract; Timeout, ContainerGone."""
        began = time.monotonic()
        response = self._send(method, path, body, headers, timeout=timeout)
        try:
            content = response.read(decode_content=False)
        except ReadTimeoutError as error:
            raise Timeout(_too_late(timeout, path)) from error
        except HTTPError as error:
            raise ContainerGone(str(error)) from error
        return Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=content,
            seconds=time.monotonic() - began,
        )

    def stream(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, Iterator[bytes]]:
        """POST `/invocations` and return the status and the chunks as they come."""
        response = self._send(
            "POST", INVOCATIONS, body, headers, timeout=INVOCATION_TIMEOUT_SECONDS
        )
        return response.status, _chunks(response)

    def _send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, timeout: float
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(
                method,
                path,
                body=body,
                headers=dict(headers),
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=timeout),
                preload_content=False,
                decode_content=False,
            )
        except ConnectTimeoutError as error:
            raise ContainerGone(str(error)) from error
        except ReadTimeoutError as error:
            raise Timeout(_too_late(timeout, path)) from error
        except HTTPError as error:
            raise ContainerGone(str(error)) from error


def _too_late(timeout: float, path: str = INVOCATIONS) -> str:
    return (
        f"the container did not answer {path} within {timeout:.3g} seconds. Review its latency"
        " metrics and logs, or give it less to do in one request"
    )


def _chunks(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    deadline = time.monotonic() + STREAM_TIMEOUT_SECONDS
    try:
        for chunk in response.stream(_STREAM_CHUNK, decode_content=False):
            yield chunk
            if time.monotonic() > deadline:
                raise Timeout(_too_late(STREAM_TIMEOUT_SECONDS))
    except ReadTimeoutError as error:
        raise Timeout(_too_late(INVOCATION_TIMEOUT_SECONDS)) from error
    except HTTPError as error:
        raise ContainerGone(str(error)) from error
    finally:
        response.close()
