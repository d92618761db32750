"""What a task of a state machine may still answer once its state timed out."""

import threading
from typing import Any

import pytest

from local_aws.adapter.running_task import RunningTask, in_time
from local_aws.adapter.types import StateTaskError, StopFlag

TASK = RunningTask(execution={"status": "RUNNING"}, role_arn="")


def _gives_up(resource: str, given: dict[str, Any], stop: StopFlag) -> dict[str, Any]:
    assert stop.wait(30)
    return {"TrainingJobStatus": "Stopped"}


def _fails(resource: str, given: dict[str, Any], stop: StopFlag) -> dict[str, Any]:
    assert stop.wait(30)
    raise KeyError("gone")


@pytest.mark.parametrize("fn", [_gives_up, _fails])
def test_what_ends_because_its_time_is_over_has_timed_out(fn: Any) -> None:
    with pytest.raises(StateTaskError, match=r"timed out after 0\.01 seconds") as caught:
        in_time(fn, "r", {}, TASK.within(0.01))

    assert caught.value.error == "States.Timeout"


def test_what_ends_in_time_is_the_answer() -> None:
    assert in_time(lambda *_: {"a": 1}, "r", {}, TASK.within(60)) == {"a": 1}
    assert in_time(lambda *_: {"a": 1}, "r", {}, TASK) == {"a": 1}


def test_a_task_learns_at_once_that_its_execution_ended() -> None:
    execution = {"status": "RUNNING"}
    threading.Timer(0.1, execution.update, kwargs={"status": "ABORTED"}).start()

    answer = in_time(_gives_up, "r", {}, RunningTask(execution=execution, role_arn=""))

    assert answer == {"TrainingJobStatus": "Stopped"}
