"""Answers in pieces: from a model's generator on its thread to a connection on the loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator

from inference_server.exchange import Exchange
from inference_server.models.base import Answer

# Pieces on their way from the thread to the loop: enough to keep both at work.
MOST_AHEAD = 8
# SageMaker's own limit for all of a streamed answer (contracts 2.2).
STREAM_SECONDS = 480
# How often a full connection is looked at; a client this slow does not notice.
_LOOK_SECONDS = 0.005


class Patience:
    """Calls `over` when a model is overdue: with its answer, its next piece, or all of them.

    The time in which a client takes a piece in is not the model's.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, over: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._over = over
        self._until = loop.time() + seconds
        self._last: float | None = None
        self._timer = loop.call_later(seconds, self._look)

    @property
    def streams(self) -> bool:
        """Whether the answer has begun to be sent."""
        return self._last is not None

    def model_works(self) -> None:
        """The model is asked for the next piece; called on its thread."""
        self._until = min(self._end(), self._loop.time() + self._seconds)

    def client_takes(self) -> None:
        """A piece is there and has to be sent; called on the model's thread."""
        self._until = self._end()

    def cancel(self) -> None:
        """It is all there."""
        self._timer.cancel()
        self._over = _nothing  # which knows the request, and this: a cycle around its body

    def _end(self) -> float:
        if self._last is None:
            self._last = self._loop.time() + STREAM_SECONDS
        return self._last

    def _look(self) -> None:
        left = self._until - self._loop.time()
        if left <= 0:
            self._over()
        else:  # it is set on another thread, and may be sooner by then
            self._timer = self._loop.call_later(min(left, self._seconds), self._look)


def _nothing() -> None: ...


def pump(
    exchange: Exchange, answer: Answer, loop: asyncio.AbstractEventLoop, patience: Patience
) -> bool:
    """Send every piece; False if the model failed or the client went away on the way.

    Called on the model's thread. The head goes out at once, so the status can change no more: a
    failure later breaks the connection.
    """
    assert answer.chunks is not None  # noqa: S101  the caller's promise, for mypy
    ahead = threading.BoundedSemaphore(MOST_AHEAD)

    def send(content: bytes) -> None:
        try:
            exchange.send_chunk(content)
        finally:  # or the model's thread would wait for ever
            ahead.release()

    complete = False
    # First, or an answer that is overdue by now could get two heads.
    patience.client_takes()
    loop.call_soon_threadsafe(exchange.begin_chunks, answer)
    try:
        for piece in answer.chunks:
            patience.client_takes()
            while not exchange.connection.writable and not exchange.gone:
                time.sleep(_LOOK_SECONDS)
            if exchange.gone:
                break
            ahead.acquire()
            loop.call_soon_threadsafe(send, piece)
            patience.model_works()
        else:
            complete = True
    except BaseException:
        # A script's sys.exit() too: what ends the model's thread leaves everyone else waiting.
        logging.getLogger(__name__).exception("the model failed in the middle of its answer")
    _close(answer.chunks)

    def end() -> None:
        exchange.end_chunks(complete=complete)

    loop.call_soon_threadsafe(end)
    return complete


def _close(chunks: Iterator[bytes]) -> None:
    """The generator's own finally blocks run now, not some day; they may fail, as any code may."""
    try:
        if close := getattr(chunks, "close", None):
            close()
    except BaseException:
        logging.getLogger(__name__).exception("the model's answer could not be closed")
