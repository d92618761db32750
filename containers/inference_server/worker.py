"""One worker process: a model and an event loop, between its fork and its last request."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

import uvloop  # type: ignore[import-not-found,unused-ignore]  # lives in the image's environment

from inference_server.app import Application
from inference_server.errors import ModelLoadError
from inference_server.logs import flush, log
from inference_server.models.base import Predictor
from inference_server.server import Server
from inference_server.settings import Settings

# SageMaker kills 30 s after SIGTERM: requests in flight get most of that to finish.
DRAIN_SECONDS = 22
# What a child and its supervisor tell each other.
READY = b"R"
FAILED = b"F"
ROOM_CLOSED = b"C"
GO = b"G"
STUCK_CODE = 75


def serve(
    settings: Settings,
    listener: socket.socket,
    load: Callable[[], Predictor | None],
    *,
    number: int,
    report: int,
    parent: int,
    remembered: int | None = None,
) -> int:
    """Load, say so on the descriptor `report`, and answer until SIGTERM or the parent's end.

    With `remembered`, the file that says which ones, it holds many models (`many.py`).
    Returns the process's exit code. The model is loaded on the main thread, before a connection is
    accepted: who gets through to a worker gets an answer of its model.
    """
    try:
        predictor = load()
    except ModelLoadError as error:
        os.write(report, FAILED + str(error).encode("utf-8", "replace")[:4000])
        return 1
    except Exception as error:
        logging.getLogger(__name__).exception("the model cannot be loaded")
        sentence = f"the model cannot be loaded: {type(error).__name__}: {error}"
        os.write(report, FAILED + sentence.encode("utf-8", "replace")[:4000])
        return 1
    log(
        logging.INFO,
        "ready",
        model_dir=str(settings.model_dir),
        port=settings.port,
        worker=number,
        pid=os.getpid(),
    )
    return _run(settings, listener, predictor, report, parent, remembered)


def wait_in_room(settings: Settings, listener: socket.socket, *, report: int, parent: int) -> int:
    """Answer 503 while no worker can do better, so that SageMaker sees a server that starts."""
    return _run(settings, listener, None, report, parent)


def _run(
    settings: Settings,
    listener: socket.socket,
    predictor: Predictor | None,
    report: int,
    parent: int,
    remembered: int | None = None,
) -> int:
    room = predictor is None and remembered is None
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    code = 0

    def drain() -> None:
        # Those still waiting to be accepted are for a worker, if there is one.
        server.drain(loop.stop, DRAIN_SECONDS, rest=not room)
        if room:
            with suppress(OSError):
                os.write(report, ROOM_CLOSED)

    def stuck() -> None:
        nonlocal code
        code = STUCK_CODE  # a thread cannot be ended; a process can
        log(logging.ERROR, "the model does not answer; this worker is replaced", pid=os.getpid())
        server.drain(loop.stop, 1, rest=False)

    application = Application(settings, loop, predictor, stuck=stuck, remembered=remembered)
    server = Server(
        settings, listener, loop, handle=application.handle, refused=application.refused
    )
    server.one_each = room
    # uvloop hears signals only while it runs; one that comes before waits in the kernel.
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    for number in stops:
        loop.add_signal_handler(number, drain)
    loop.call_soon(signal.pthread_sigmask, signal.SIG_UNBLOCK, stops)

    def parent_gone() -> None:
        loop.remove_reader(parent)
        drain()

    loop.add_reader(parent, parent_gone)  # readable means its end: nothing is ever written there

    def go() -> None:
        # Not before the waiting room has closed: after the first 200 there must be no 503.
        loop.remove_reader(report)
        if os.read(report, 1) == GO and not server.draining:
            server.start()

    if room:
        server.start()
    else:
        loop.add_reader(report, go)
        os.write(report, READY)
    loop.run_forever()
    flush(patience=1)
    return code
