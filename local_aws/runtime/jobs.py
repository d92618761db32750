"""What training, processing and transform jobs share: a container that runs to an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
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


def run_container(
    process: Process,
    *,
    stop: threading.Event,
    max_seconds: float,
    grace_seconds: float,
    stopping: Callable[[], None] = lambda: None,
) -> Ending:
    """Return once the container is gone; `stopping` is called before it is asked to go."""
    deadline = time.monotonic() + max_seconds
    why = "exit"
    try:
        while process.wait(_POLL_SECONDS) is None:
            if stop.is_set() or time.monotonic() > deadline:
                why = "stop" if stop.is_set() else "time"
                stopping()
                break
    finally:
        code = process.terminate(grace_seconds if why != "exit" else 0.0)
    return Ending(why=why, exit_code=code, tail=process.tail())
