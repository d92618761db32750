"""The one sentence that a person sees when a training job fails."""

from __future__ import annotations

from pathlib import Path

# SageMaker shows this many characters of /opt/ml/output/failure as FailureReason.
FAILURE_REASON_LENGTH = 1024


class TrainingError(Exception):
    """A fault whose message says what is wrong, the value got and what is allowed."""


def write_failure(path: Path, reason: str) -> None:
    """Leave `reason` as the job's failure file: one line, cut to what SageMaker shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sentence = " ".join(reason.split())
    if len(sentence) > FAILURE_REASON_LENGTH:
        sentence = sentence[: FAILURE_REASON_LENGTH - 4] + " ..."
    path.write_text(sentence, encoding="utf-8")


def describe(error: BaseException) -> str:
    """The sentence for any exception that ended training."""
    if isinstance(error, TrainingError):
        return str(error)
    # XGBoost reports a failed allocation of its own as an XGBoostError naming bad_alloc.
    if isinstance(error, MemoryError) or "bad_alloc" in str(error):
        return (
            "out of memory: the data or the model does not fit this instance; "
            "use a larger InstanceType, fewer rows, or a smaller max_bin or max_depth"
        )
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot use {error.filename}: {error.strerror}"
    first_line = (str(error).strip() or "no message").splitlines()[0]
    return f"{type(error).__name__}: {first_line} (the whole trace is in the job's log)"
