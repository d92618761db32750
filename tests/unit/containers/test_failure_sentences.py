"""What a person reads as FailureReason, whatever ended a training job."""

from __future__ import annotations

from pathlib import Path

import pytest

from training_job.failure import FAILURE_REASON_LENGTH, TrainingError, describe, write_failure

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
