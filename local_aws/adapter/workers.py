"""Threads for work that may call this server again, and so must never wait for a free one.

Starting a thread makes the event loop wait until it runs, which on a busy machine delays every
other request; so threads are kept for a while and used again. There are as many as there is work
at once, without a bound: a nested call that waited for a thread would wait for its own caller.
"""

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

_IDLE_SECONDS = 30.0
_T = TypeVar("_T")
_Inbox = queue.SimpleQueue[Callable[[], None]]

_idle: list[_Inbox] = []  # of threads without work, the last used one last
_lock = threading.Lock()


async def run_on_worker(work: Callable[..., _T], *arguments: Any) -> _T:
    """What the work returned or raised, done on a thread with the caller's context.

    A caller who is cancelled waits for the end of it all the same: work on a thread cannot be
    called off, and what it changes is not to be changed by others meanwhile.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()
    context = contextvars.copy_context()

    def do() -> None:
        try:
            done, failure = context.run(work, *arguments), None
        except BaseException as error:  # noqa: BLE001  handed to the caller
            done, failure = None, error
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(_settle, future, done, failure)

    _give(do)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        future.exception()  # looked at, so that asyncio does not tell of it
        raise cancelled
    return future.result()


def _settle(future: asyncio.Future[Any], done: Any, failure: BaseException | None) -> None:
    if failure is None:
        future.set_result(done)
    else:
        future.set_exception(failure)


def _give(job: Callable[[], None]) -> None:
    with _lock:
        inbox = _idle.pop() if _idle else None
    if inbox is None:
        inbox = queue.SimpleQueue()
        threading.Thread(target=_work, args=(inbox,), name="worker", daemon=True).start()
    inbox.put(job)


def _work(inbox: _Inbox) -> None:
    while True:
        try:
            job = inbox.get(timeout=_IDLE_SECONDS)
        except queue.Empty:
            with _lock:
                if inbox in _idle:
                    _idle.remove(inbox)
                    return
            continue  # it was just chosen: work is on its way
        job()
        del job  # what it holds must not live as long as the thread
        with _lock:
            _idle.append(inbox)
