"""SageMaker's paths: /ping, /invocations and /execution-parameters."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import orjson

from inference_server import logs
from inference_server.dispatch import Dispatcher, Outcome
from inference_server.errors import RequestError, refuse_encoded
from inference_server.exchange import Exchange
from inference_server.metrics import metrics_of
from inference_server.models.base import Answer, Predictor
from inference_server.refusals import error_answer, wrong_method
from inference_server.settings import Settings
from inference_server.wire import JSON, head_of

if TYPE_CHECKING:
    from inference_server.many import Models

CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
INFERENCE_ID = "x-amzn-sagemaker-inference-id"
_METHODS = {
    b"/ping": b"GET",
    b"/invocations": b"POST",
    b"/execution-parameters": b"GET",
}

_HEALTHY = head_of(Answer(b"", JSON), keep_alive=True)


class Application:
    """Answers SageMaker's requests; without a predictor, it says that the model is loading."""

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        predictor: Predictor | None,
        *,
        stuck: Callable[[], None] = lambda: None,
        remembered: int | None = None,
    ) -> None:
        self._settings = settings
        self._loop = loop
        self._stuck = stuck
        self._dispatcher = self._dispatcher_of(predictor) if predictor is not None else None
        self._models: Models | None = None
        if remembered is not None:
            from inference_server.many import Models

            self._models = Models(settings, loop, remembered, self._dispatcher_of)
        self._healthy = predictor is not None or remembered is not None
        self._flushes = False
        self._plain_log = settings.metrics_namespace is None

    def _dispatcher_of(self, predictor: Predictor) -> Dispatcher:
        return Dispatcher(
            predictor,
            self._loop,
            most=self._settings.max_batch,
            seconds=self._settings.timeout_seconds,
            done=self._invoked,
            stuck=self._stuck,
        )

    def handle(self, exchange: Exchange) -> None:
        """Answer the exchange, now or when its prediction is made."""
        path = exchange.path
        if path == b"/invocations" and exchange.method == b"POST":
            if self._dispatcher is not None and "content-encoding" not in exchange.headers:
                self._dispatcher.submit(exchange)
            else:
                self._invocation(exchange)
        elif path == b"/ping" and exchange.method == b"GET":
            if self._healthy and exchange.plain:
                exchange.send_bytes(_HEALTHY)
                return
            exchange.reply(Answer(b"", JSON, 200 if self._healthy else 503))
        elif self._models is None or not self._models.handle(exchange):
            self._other(exchange, path.partition(b"?")[0])

    def refused(self, answer: Answer) -> None:
        """Log what was refused before it was a request."""
        logs.log(logging.WARNING, "refused", status=answer.status, error=answer.body.decode())

    def _other(self, exchange: Exchange, path: bytes) -> None:
        known = _METHODS.get(path)
        if self._settings.multi_model and self._models is None and path.startswith(b"/models"):
            exchange.reply(error_answer(503, "the models are still loading"))
        elif known is None:
            paths = ", ".join(name.decode() for name in _METHODS)
            shown = path.decode("latin-1")[:200]
            exchange.reply(error_answer(404, f"there is nothing at {shown}; try {paths}"))
        elif known != exchange.method:
            exchange.reply(wrong_method(path.decode(), known.decode()))
        elif path == b"/execution-parameters":
            exchange.reply(self._execution_parameters())
        else:
            exchange.path = path
            self.handle(exchange)

    def _invocation(self, exchange: Exchange) -> None:
        try:
            if self._models is not None:
                raise RequestError("this server holds many models; POST /models/{name}/invoke", 404)
            if self._dispatcher is None:
                raise RequestError("the model is still loading", 503)
            refuse_encoded(exchange.headers)
        except RequestError as fault:
            self._invoked([exchange], [fault.bare()])
        else:
            self._dispatcher.submit(exchange)

    def _invoked(self, batch: Sequence[Exchange], outcomes: Sequence[Outcome]) -> None:
        answers = [one if isinstance(one, Answer) else _failed(one) for one in outcomes]
        for exchange, answer in zip(batch, answers, strict=True):
            if answer.chunks is None:
                try:
                    exchange.reply(answer)
                except Exception:
                    # It is this client's alone, who shall not wait for nothing.
                    logging.getLogger(__name__).exception("an answer could not be given")
                    exchange.connection.give_up()
        now = time.perf_counter()
        ordinary = []
        for exchange, answer in zip(batch, answers, strict=True):
            headers = exchange.headers
            if (
                self._plain_log
                and answer.status < 400
                and exchange.path == b"/invocations"
                and INFERENCE_ID not in headers
                and CUSTOM_ATTRIBUTES not in headers
            ):
                ordinary.append((exchange, answer))
            else:
                self._log(now, len(batch), exchange, answer)
        if ordinary and logs.logger.isEnabledFor(logging.INFO):
            logs.invoked(now, len(batch), ordinary)
        if not self._flushes:
            self._flushes = True
            # After the next look at the sockets: answers go first.
            self._loop.call_soon(self._flush)

    def _log(self, now: float, batch: int, exchange: Exchange, answer: Answer) -> None:
        level = logging.INFO if answer.status < 400 else logging.WARNING
        if not logs.logger.isEnabledFor(level):
            return
        headers = exchange.headers
        milliseconds = round((now - exchange.started) * 1000, 3)
        fields: dict[str, object] = {
            "status": answer.status,
            "ms": milliseconds,
            "bytes_in": len(exchange.body),
            "bytes_out": len(answer.body),
            "rows": answer.rows,
            "batch": batch,
        }
        if exchange.path.startswith(b"/models/"):
            fields["model"] = exchange.path.split(b"/")[2].decode("latin-1")[:200]
        if inference_id := headers.get(INFERENCE_ID):
            fields["inference_id"] = inference_id[:256]
        else:
            fields["request_id"] = logs.new_id()
        if attributes := headers.get(CUSTOM_ATTRIBUTES):
            fields["custom_attributes"] = attributes[:1024]
        if answer.status >= 400:
            fields["error"] = answer.body.decode("utf-8", "replace")[:1000]
        if self._settings.metrics_namespace:
            fields |= metrics_of(
                self._settings.metrics_namespace, answer.status, milliseconds, answer.rows, batch
            )
        logs.log_later(level, "invocation", fields)

    def _flush(self) -> None:
        self._flushes = False
        logs.flush()

    def _execution_parameters(self) -> Answer:
        # One process predicts one script's request at a time; more would only wait in line.
        content = {
            "MaxConcurrentTransforms": self._settings.workers,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": min(6, self._settings.max_payload_bytes // 1024**2),
        }
        return Answer(orjson.dumps(content), JSON)


def _failed(error: Exception) -> Answer:
    if isinstance(error, RequestError):
        return error_answer(error.status, str(error))
    if isinstance(error, TimeoutError):
        return error_answer(504, f"the model gave {error}")
    logging.getLogger(__name__).error("the model failed", exc_info=error)
    return error_answer(500, f"the model failed: {type(error).__name__}: {error}")
