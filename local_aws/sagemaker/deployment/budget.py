"""MaximumExecutionTimeoutInSeconds: what is left of it, and what ends when nothing is."""

import threading
import time

from local_aws import adapter
from local_aws.runtime.containers import RuntimeFailure
from local_aws.sagemaker import store

EXCEEDED = "The deployment exceeded MaximumExecutionTimeoutInSeconds."
_POLL_SECONDS = 0.2


class Budget:
    """The time a deployment may take.

    Starting containers counts as long as it takes, baking counts under the time factor: the factor
    shortens waits, not work.
    """

    def __init__(self, seconds: float, stop: threading.Event) -> None:
        self._ends = time.monotonic() + seconds
        self.halt = _Halt(stop, self._ends)

    def deadline(self) -> float:
        """When baking that begins now must be over, as epoch seconds; RuntimeFailure if it is."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise RuntimeFailure(EXCEEDED)
        return store.now() + adapter.scaled(left)


class _Halt(threading.Event):
    """Set when the other one is, or when the time is over."""

    def __init__(self, other: threading.Event, ends: float) -> None:
        super().__init__()
        self._other, self._ends = other, ends

    def is_set(self) -> bool:
        return self._other.is_set() or time.monotonic() > self._ends

    def wait(self, timeout: float | None = None) -> bool:
        until = float("inf") if timeout is None else time.monotonic() + timeout
        while not self.is_set() and time.monotonic() < until:
            self._other.wait(max(0.0, min(_POLL_SECONDS, until - time.monotonic())))
        return self.is_set()
