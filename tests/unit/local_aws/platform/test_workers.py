"""Threads for the calls of our services: kept, without a bound, with the caller's context."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from local_aws.adapter.workers import run_on_worker

ACCOUNT = contextvars.ContextVar("account", default="nobody")
LIMIT_SECONDS = 20


def test_work_has_the_context_of_its_caller_and_not_of_the_one_before() -> None:
    async def ask() -> list[str]:
        ACCOUNT.set("one")
        first = await run_on_worker(ACCOUNT.get)
        ACCOUNT.set("two")
        return [first, await run_on_worker(ACCOUNT.get)]

    assert asyncio.run(ask()) == ["one", "two"]


def test_a_thread_is_used_again() -> None:
    async def ask() -> set[int]:
        found = set()
        for _ in range(20):
            found.add(await run_on_worker(threading.get_ident))
            await asyncio.sleep(0.01)  # it comes back just after its answer
        return found

    assert len(asyncio.run(ask())) < 20


def test_what_the_work_raises_reaches_the_caller_and_the_thread_lives_on() -> None:
    async def ask() -> int:
        with pytest.raises(ZeroDivisionError):
            await run_on_worker(lambda: 1 // 0)
        return await run_on_worker(lambda: 7)

    assert asyncio.run(ask()) == 7


def test_calls_that_wait_for_calls_all_find_a_thread() -> None:
    """A bounded pool would stand still at its size."""

    async def ask() -> list[int]:
        loop = asyncio.get_running_loop()

        def nested(depth: int) -> int:
            if depth == 0:
                return 0
            inner = asyncio.run_coroutine_threadsafe(run_on_worker(nested, depth - 1), loop)
            return 1 + inner.result(LIMIT_SECONDS)

        return await asyncio.gather(*(run_on_worker(nested, 5) for _ in range(30)))

    assert asyncio.run(ask()) == [5] * 30


def test_a_cancelled_caller_is_let_go_when_the_work_is_done() -> None:
    begun, go, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(LIMIT_SECONDS)
        done.set()

    async def ask() -> None:
        call = asyncio.create_task(run_on_worker(work))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        for _ in range(2):
            call.cancel()
            await asyncio.sleep(0.01)
        assert not call.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert done.is_set()

    asyncio.run(ask())
