"""A task of a state machine while it runs, and until when anybody waits for it."""

import time
from dataclasses import dataclass, replace
from typing import Any, Self

from local_aws.adapter import process
from local_aws.adapter.types import StateTask, StateTaskError

_POLL_SECONDS = 0.2  # how late a task may learn that nobody waits for it


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningTask:
    """The task state a thread works on; `deadline` is of time.monotonic()."""

    execution: dict[str, Any]
    role_arn: str
    resource: str = ""
    timeout: float | None = None
    deadline: float | None = None

    def within(self, timeout: float) -> Self:
        """The same task, whose state times out that many seconds from now."""
        return replace(self, timeout=timeout, deadline=time.monotonic() + timeout)

    def timed_out(self) -> bool:
        """Whether its state's TimeoutSeconds have passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def ended(self) -> bool:
        """Whether its execution ended before it."""
        return bool(self.execution.get("status", "RUNNING") != "RUNNING")


class TaskStopFlag:
    """Set once the task's state timed out, its execution ended, or the server stops."""

    def __init__(self, task: RunningTask | None) -> None:
        self._task = task

    def is_set(self) -> bool:
        """Whether to give up now."""
        if process.stopping.is_set():
            return True
        return self._task is not None and (self._task.timed_out() or self._task.ended())

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep at most `timeout` seconds, less when the flag is raised; whether it is."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = _POLL_SECONDS if end is None else min(_POLL_SECONDS, end - time.monotonic())
            if left <= 0:
                return False
            process.stopping.wait(left)
        return True


def in_time(
    fn: StateTask, resource: str, given: dict[str, Any], task: RunningTask | None
) -> dict[str, Any]:
    """What `fn` answers. After its state's time any end of it, good or bad, is States.Timeout:
    its thread may get there before the one that waits for it.
    """
    try:
        return fn(resource, given, TaskStopFlag(task))
    finally:
        if task is not None and task.timed_out():
            raise StateTaskError("States.Timeout", f"Task timed out after {task.timeout} seconds")
