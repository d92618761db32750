"""Several calls at once, in an order that a test decides: one runs while the others wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

SECONDS = 60  # in which a call comes to its next stop


class Turns:
    """Calls that stop wherever they call `stop`, until it is their turn again."""

    def __init__(self, calls: Sequence[Callable[[], None]]) -> None:
        self._moves = [threading.Semaphore(0) for _ in calls]
        self._stopped = threading.Semaphore(0)
        self._ended = [False] * len(calls)
        self._failures: list[BaseException] = []
        self._numbers: dict[int, int] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(number, call), daemon=True)
            for number, call in enumerate(calls)
        ]

    def run(self, order: Sequence[int]) -> None:
        """Let the calls go on in this order, then one after the other to their ends.

        Raises what any of them raised.
        """
        for thread in self._threads:
            thread.start()
            self._wait()
        for turn in order:
            left = [number for number, ended in enumerate(self._ended) if not ended]
            if not left:
                break
            self._move(left[turn % len(left)])
        for number in range(len(self._threads)):
            while not self._ended[number]:
                self._move(number)
        for thread in self._threads:
            thread.join(SECONDS)
        if self._failures:
            raise self._failures[0]

    def stop(self) -> None:
        """Wait for the next turn, if this thread is one of the calls."""
        number = self._numbers.get(threading.get_ident())
        if number is not None:
            self._stopped.release()
            assert self._moves[number].acquire(timeout=SECONDS), "no turn came"

    def _run(self, number: int, call: Callable[[], None]) -> None:
        self._numbers[threading.get_ident()] = number
        try:
            self.stop()
            call()
        except BaseException as failure:  # noqa: BLE001 (raised in `run`)
            self._failures.append(failure)
        finally:
            self._ended[number] = True
            self._stopped.release()

    def _move(self, number: int) -> None:
        self._moves[number].release()
        self._wait()

    def _wait(self) -> None:
        assert self._stopped.acquire(timeout=SECONDS), "a call neither stopped nor ended"
