"""Events of one resource, told one after the other in the order of what happened to it."""

import logging
import threading
from collections import deque
from collections.abc import Callable

log = logging.getLogger("local_aws")


class Outbox:
    """Threads that change a resource `add` under its lock, and `send` without it.

    A rule's target may take its time and change the resource itself, so nobody waits for another's
    event: whoever is sending takes it along.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._sending = False

    def add(self, event: Callable[[], None]) -> None:
        """The event is behind all that happened before."""
        with self._lock:
            self._waiting.append(event)

    def send(self) -> None:
        """Every event was told, or another thread is about to."""
        while (event := self._next()) is not None:
            try:
                event()
            except Exception:
                log.exception("an event was lost")
            with self._lock:
                self._sending = False

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            if self._sending or not self._waiting:
                return None
            self._sending = True
            return self._waiting.popleft()
