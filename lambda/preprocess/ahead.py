"""Work that is begun before its turn, in threads that outlive who asks for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
MOST = 2  # tasks of one kind at once
BLOCKS = 3  # and of reading blocks of the object, one of which often waits for the others


def readers() -> ThreadPoolExecutor:
    """Return threads for one run: for ranges of the object, and blocks of it or of the spool."""
    return ThreadPoolExecutor(MOST + BLOCKS, "read")


def ahead(
    pool: ThreadPoolExecutor, tasks: Iterator[Callable[[], T]], *, most: int = MOST
) -> Generator[T]:
    """Yield what each task returns, in order; `most` of them run at once.

    All that were begun come to their end, so that a task may wait for the one before it. Who owns
    the pool waits for them, never this generator: one that is left in the middle is closed by the
    garbage collector, on any thread, also on one that is being started and holds the lock that
    waiting for another takes.
    """
    waiting: deque[Future[T]] = deque()
    while True:
        while len(waiting) < most and (task := next(tasks, None)) is not None:
            waiting.append(pool.submit(task))
        if not waiting:
            return
        yield waiting.popleft().result()
