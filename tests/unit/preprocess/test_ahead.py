"""Work begun before its turn: in order, a little of it, and nobody waits for it who must not."""

from __future__ import annotations

import gc
import threading
from functools import partial
from typing import Any

import pytest

from preprocess.ahead import MOST, ahead, readers
from preprocess.faults import DatasetRejected


def test_results_come_in_the_order_of_the_tasks_with_a_few_begun() -> None:
    begun: list[int] = []

    def task(number: int) -> int:
        begun.append(number)
        return number

    with readers() as pool:
        found = ahead(pool, (partial(task, n) for n in range(20)))
        assert next(found) == 0
        assert len(begun) <= MOST
        assert [*found] == [*range(1, 20)]


def test_a_task_may_wait_for_the_one_before_it_when_the_rest_is_left() -> None:
    first, second = threading.Event(), threading.Event()

    def wait_then_set() -> int:
        first.wait(20)
        second.set()
        return 1

    with readers() as pool:
        found = ahead(pool, iter([lambda: 0, wait_then_set, second.wait, second.wait]))
        assert next(found) == 0
        found.close()
        first.set()

    assert second.is_set()


def test_the_collector_may_close_it_on_any_thread_for_it_waits_for_none() -> None:
    """A thread that starts holds the lock that joining another takes, and may run the collector."""
    stands = threading.Event()
    with readers() as pool:
        found = ahead(pool, iter([lambda: True, stands.wait, stands.wait]))
        assert next(found)
        closing = threading.Thread(target=found.close)
        closing.start()
        closing.join(20)
        waits = closing.is_alive()
        stands.set()

    assert not waits


def test_a_rejected_object_leaves_no_thread_and_nothing_to_collect_that_has_one(
    world: Any, table: Any, declared: Any
) -> None:
    before = {*threading.enumerate()}
    gc.disable()
    try:
        for content in ("\n\xff\n".encode("latin-1"), table().encode() + b"\xff", b"x" * (3 << 20)):
            with pytest.raises(DatasetRejected):
                world.publish(content, declared())
            assert {*threading.enumerate()} <= before
    finally:
        gc.enable()
