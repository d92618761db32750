"""What a person reads as FailureReason, whatever ended a training job."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from training_job import program
from training_job.failure import (
    FAILURE_REASON_LENGTH,
    PeerLostError,
    TrainingError,
    describe,
    write_failure,
)
from training_job.paths import Paths

NO_MEMORY = (
    "out of memory: the data or the model does not fit this instance; use a larger InstanceType,"
    " fewer rows, or a smaller max_bin"
)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("std::bad_alloc"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
)
def test_no_memory_reads_the_same_from_every_library(error: Exception) -> None:
    assert describe(error, smaller="max_bin") == NO_MEMORY


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TrainingError("channel train holds no rows"), "channel train holds no rows"),
        (
            OSError(28, "No space left on device", "/opt/ml/model/model.onnx"),
            "cannot use /opt/ml/model/model.onnx: No space left on device",
        ),
        (
            ValueError("first\nsecond"),
            "ValueError: first (the whole trace is in the job's log)",
        ),
        (KeyError(), "KeyError: no message (the whole trace is in the job's log)"),
    ],
)
def test_a_fault_is_one_sentence(error: Exception, sentence: str) -> None:
    assert describe(error, smaller="max_bin") == sentence


def test_the_failure_file_is_one_line_no_longer_than_what_sagemaker_shows(tmp_path: Path) -> None:
    """Contracts 1.2: the first 1024 characters become FailureReason."""
    write_failure(tmp_path / "output" / "failure", "a\n b\t" + "c" * 2000)
    said = (tmp_path / "output" / "failure").read_text()
    assert said.startswith("a b ccc")
    assert said.endswith("c ...")
    assert len(said) == FAILURE_REASON_LENGTH


def test_the_first_reason_stays_and_nothing_else_is_left(tmp_path: Path) -> None:
    """Contracts 1.4: written only if absent; all of an instance's processes write there."""
    path = tmp_path / "output" / "failure"
    reasons = [f"reason {number}" for number in range(32)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda reason: write_failure(path, reason), reasons))
    first = path.read_text()
    assert first in reasons
    write_failure(path, "a later one")
    assert path.read_text() == first
    assert [one.name for one in path.parent.iterdir()] == ["failure"]


def test_who_lost_a_peer_lets_the_peer_say_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.setattr(program.os, "_exit", lambda code: None)
    path = Paths.from_environment().failure
    # In its turn: what the peer, or whoever watches it, says in the meantime.
    monkeypatch.setattr(program.time, "sleep", lambda _: write_failure(path, "its own reason"))

    def work(paths: Paths) -> int:
        raise PeerLostError("the connection is closed")

    program.run("trainer", ["train"], work, smaller="x")
    assert path.read_text() == "its own reason"
