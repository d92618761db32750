"""Answers in pieces: from a model's generator on its thread to a connection on the loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator

from inference_server.exchange import Exchange
from inference_server.models.base import Answer

# Pieces on their way from the thread to the loop: enough to keep both at work.
MOST_AHEAD = 8
# How often a full connection is looked at; a client this slow does not notice.
_LOOK_SECONDS = 0.005


def pump(exchange: Exchange, answer: Answer, loop: asyncio.AbstractEventLoop) -> bool:
    """Send every piece; False if the model failed or the client went away on the way.

    Called on the model's thread. The head goes out at once, so the status can change no more: a
    failure later breaks the connection.
    """
    assert answer.chunks is not None  # noqa: S101  the caller's promise, for mypy
    connection = exchange.connection
    ahead = threading.BoundedSemaphore(MOST_AHEAD)

    def send(content: bytes) -> None:
        connection.send_chunk(exchange, content)
        ahead.release()

    complete = False
    loop.call_soon_threadsafe(connection.begin_chunks, exchange, answer)
    try:
        for piece in answer.chunks:
            while not connection.writable and not exchange.gone:
                time.sleep(_LOOK_SECONDS)
            if exchange.gone:
                break
            ahead.acquire()
            loop.call_soon_threadsafe(send, piece)
        else:
            complete = True
    except BaseException:
        # A script's sys.exit() too: what ends the model's thread leaves everyone else waiting.
        logging.getLogger(__name__).exception("the model failed in the middle of its answer")
    _close(answer.chunks)

    def end() -> None:
        connection.end_chunks(exchange, complete=complete)

    loop.call_soon_threadsafe(end)
    return complete


def _close(chunks: Iterator[bytes]) -> None:
    """The generator's own finally blocks run now, not some day; they may fail, as any code may."""
    try:
        if close := getattr(chunks, "close", None):
            close()
    except BaseException:
        logging.getLogger(__name__).exception("the model's answer could not be closed")
