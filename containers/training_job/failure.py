"""The one sentence that a person sees when a training job fails."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

# SageMaker shows this many characters of /opt/ml/output/failure as FailureReason.
FAILURE_REASON_LENGTH = 1024
# What XGBoost, PyTorch on a CPU and PyTorch on a GPU say of it.
_NO_MEMORY = ("bad_alloc", "can't allocate memory", "CUDA out of memory")


class TrainingError(Exception):
    """A fault whose message says what is wrong, the value got and what is allowed."""


class PeerLostError(TrainingError):
    """Another process of the job ended, and whoever says why knows more than we do."""


def write_failure(path: Path, reason: str) -> None:
    """Leave `reason` as the job's failure file: one line, cut to what SageMaker shows.

    The first reason stays (contracts 1.4): several processes of an instance share the file, and
    what fails later mostly fails of what failed first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sentence = " ".join(reason.split())
    if len(sentence) > FAILURE_REASON_LENGTH:
        sentence = sentence[: FAILURE_REASON_LENGTH - 4] + " ..."
    # As a whole or not at all: who writes it may be killed meanwhile, with its failing peers.
    draft = path.with_name(f".failure.{os.getpid()}-{threading.get_ident()}")
    draft.write_text(sentence, encoding="utf-8")
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


def describe(error: BaseException, *, smaller: str) -> str:
    """The sentence for any exception that ended training.

    `smaller` names the hyperparameters that take less memory when they are.
    """
    if isinstance(error, TrainingError):
        return str(error)
    # Libraries report a failed allocation of their own with an exception of their own.
    if isinstance(error, MemoryError) or any(sign in str(error) for sign in _NO_MEMORY):
        return (
            "out of memory: the data or the model does not fit this instance; "
            f"use a larger InstanceType, fewer rows, or a smaller {smaller}"
        )
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot use {error.filename}: {error.strerror}"
    first_line = (str(error).strip() or "no message").splitlines()[0]
    return f"{type(error).__name__}: {first_line} (the whole trace is in the job's log)"
