"""The HTTP face: /ping, /invocations and /execution-parameters as a bare ASGI application."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from inference_server.errors import RequestError
from inference_server.logs import log
from inference_server.models.base import Answer, Predictor, Request
from inference_server.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = "application/json"
CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
INFERENCE_ID = "x-amzn-sagemaker-inference-id"
_METHODS = {"/ping": "GET", "/invocations": "POST", "/execution-parameters": "GET"}


class Application:
    """Answers SageMaker's requests; `predictor` is None until the model has proven itself."""

    def __init__(self, settings: Settings) -> None:
        self.predictor: Predictor | None = None
        self._settings = settings
        # One thread: user scripts expect, as in SageMaker's own servers, to be alone in a process.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path == "/invocations" and scope["method"] == "POST":
            answer = await self._invocation(scope, receive)
        elif _METHODS.get(path, scope["method"]) != scope["method"]:
            answer = _error(405, f"{path} takes {_METHODS[path]}")
        elif path == "/ping":
            answer = Answer(b"", JSON, 200 if self.predictor is not None else 503)
        elif path == "/execution-parameters":
            answer = self._execution_parameters()
        else:
            answer = _error(404, f"there is nothing at {path[:200]}; try {', '.join(_METHODS)}")
        await _reply(send, answer)

    async def _invocation(self, scope: Mapping[str, Any], receive: Receive) -> Answer:
        started = time.perf_counter()
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        size = 0
        try:
            body = await self._read(headers, receive)
            size = len(body)
            answer = await self._predict(Request(body, headers))
        except RequestError as error:
            answer = _error(error.status, str(error))
        except _ClientGoneError:
            answer = _error(499, "the client went away before its request was complete")
        except Exception as error:
            logging.getLogger(__name__).exception("the model failed")
            answer = _error(500, f"the model failed: {type(error).__name__}: {error}")
        log(
            logging.INFO if answer.status < 400 else logging.WARNING,
            "invocation",
            status=answer.status,
            ms=round((time.perf_counter() - started) * 1000, 3),
            bytes_in=size,
            bytes_out=len(answer.body),
            rows=answer.rows,
            inference_id=headers.get(INFERENCE_ID),
            **({"error": answer.body.decode()[:1000]} if answer.status >= 400 else {}),
        )
        return answer

    async def _read(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        limit = self._settings.max_payload_bytes
        encoding = headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise RequestError(f"Content-Encoding {encoding[:50]!r} is not supported", 415)
        declared = headers.get("content-length", "0")
        too_large = f"the body is larger than {limit // 1024**2} MB, the largest this server takes"
        if declared.isdigit() and int(declared) > limit:
            raise RequestError(too_large, 413)
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body: bytes = message["body"]
            if len(body) > limit:
                raise RequestError(too_large, 413)
            return body
        chunks = bytearray()
        while True:
            if message["type"] == "http.disconnect":
                raise _ClientGoneError
            chunks += message.get("body", b"")
            if len(chunks) > limit:
                raise RequestError(too_large, 413)
            if not message.get("more_body"):
                return bytes(chunks)
            message = await receive()

    async def _predict(self, request: Request) -> Answer:
        predictor = self.predictor
        if predictor is None:
            raise RequestError("the model is still loading", 503)
        if len(request.body) <= predictor.inline_bytes:
            return predictor.answer(request)
        return await asyncio.get_running_loop().run_in_executor(
            self._worker, predictor.answer, request
        )

    def _execution_parameters(self) -> Answer:
        # One process predicts; more requests at a time would only wait in line.
        content = {
            "MaxConcurrentTransforms": 1,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": min(6, self._settings.max_payload_bytes // 1024**2),
        }
        return Answer(orjson.dumps(content), JSON)


class _ClientGoneError(Exception):
    """The client closed the connection."""


def _error(status: int, message: str) -> Answer:
    return Answer(orjson.dumps({"error": " ".join(message.split())}), JSON, status)


async def _reply(send: Send, answer: Answer) -> None:
    headers = [
        (b"content-type", answer.content_type.encode("latin-1")),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    for name, value in answer.headers.items():
        headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
