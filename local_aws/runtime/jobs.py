"""What training, processing and transform jobs share: a container that runs to an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from local_aws.runtime.processes import Process

LONGEST_REASON = 1024  # FailureReason's length in the service model
_POLL_SECONDS = 0.1  # how late a stop or the time limit may be noticed


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """Why a container's run ended: by itself, because of a stop, or at the time limit."""

    why: str  # exit | stop | time
    exit_code: int
    tail: str

    @property
    def failed(self) -> bool:
        """Whether the container ended by itself with anything but 0."""
        return self.why == "exit" and self.exit_code != 0


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupEnding:
    """Why the containers of a job with one or more instances ended, and which one failed first."""

    why: str  # exit | stop | time | interruption
    failed: int | None
    ending: Ending


def run_containers(
    processes: Sequence[Process],
    *,
    stop: threading.Event,
    max_seconds: float,
    grace_seconds: float,
    interrupted_after: float | None = None,
    stopping: Callable[[], None] = lambda: None,
) -> GroupEnding:
    """Return once all containers are gone; one that fails takes the others with it.

    `interrupted_after` is when spot capacity is taken away, in seconds.
    """
    began = time.monotonic()
    why, failed = "exit", None
    try:
        while any(process.exit_code is None for process in processes):
            now = time.monotonic() - began
            if stop.wait(_POLL_SECONDS) or now > max_seconds:
                why = "stop" if stop.is_set() else "time"
                stopping()
                break
            if interrupted_after is not None and now > interrupted_after:
                why = "interruption"
                break
            failed = _first_failed(processes)
            if failed is not None:
                break
    finally:
        codes = _terminate(processes, 0.0 if failed is not None else grace_seconds)
    if why == "exit" and failed is None:
        failed = _first_failed(processes)
    shown = failed or 0
    ending = Ending(why=why, exit_code=codes[shown], tail=processes[shown].tail())
    return GroupEnding(why=why, failed=failed, ending=ending)


def _first_failed(processes: Sequence[Process]) -> int | None:
    """Return the number of the one that failed before the others: they may have lost it."""
    failed = [number for number, process in enumerate(processes) if process.exit_code]
    return min(failed, key=lambda number: processes[number].ended_at, default=None)


def _terminate(processes: Sequence[Process], grace_seconds: float) -> list[int]:
    """End them together, so that each has the whole grace; return their exit codes."""
    with ThreadPoolExecutor(max_workers=len(processes)) as pool:
        return list(pool.map(lambda process: process.terminate(grace_seconds), processes))
