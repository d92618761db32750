"""Boosting that goes on where an interrupted job left it, as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trainer.hyperparameters import Hyperparameters
from training_job.channels import Rows
from training_job.failure import TrainingError

logger = logging.getLogger(__name__)

_NAME = re.compile(r"round-(\d{8})\.ubj")
_MAGIC = b"XGBCKPT1"
_KEPT = 2  # the one before stands in for one that S3 has only in part
# What may differ between the job and the one that goes on with it.
_FREE = ("num_round", "log_period")


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far boosting is, and what early stopping has seen."""

    round: int = 0
    best_round: int = 0
    best_score: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A booster after some rounds, as XGBoost's own binary JSON."""

    progress: Progress
    model: bytes


class Checkpoints:
    """The folder that S3 follows; absent where the job has no CheckpointConfig."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder, self._fingerprint = folder, fingerprint

    @property
    def kept(self) -> bool:
        """Whether a checkpoint written here would outlive this instance."""
        return self._folder.is_dir()

    def newest(self) -> Checkpoint | None:
        """The checkpoint to go on with; one that was written or sent in part only is passed over.

        Raises:
            TrainingError: the checkpoints are of other data, a schema or settings.
        """
        for path in reversed(self._files()):
            head, model = _parts(path.read_bytes())
            if head is None:
                logger.warning("checkpoint %s is incomplete: taking the one before", path.name)
                continue
            if head["fingerprint"] != self._fingerprint:
                raise TrainingError(
                    f"checkpoint {path.name} is of a job with other data or hyperparameters than "
                    "this one; give CheckpointConfig an S3Uri with nothing under it"
                )
            return Checkpoint(progress=Progress(**head["progress"]), model=model)
        return None

    def write(self, checkpoint: Checkpoint) -> None:
        """Leave the checkpoint as a whole or not at all, and at most one before it."""
        if not self.kept:
            return
        path = self._folder / f"round-{checkpoint.progress.round:08d}.ubj"
        draft = self._folder / f".{path.name}.draft"
        head = {"fingerprint": self._fingerprint, "progress": asdict(checkpoint.progress)}
        with draft.open("wb") as out:
            out.write(_joined(head, checkpoint.model))
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
        for old in self._files()[:-_KEPT]:
            old.unlink()

    def _files(self) -> list[Path]:
        if not self.kept:
            return []
        return sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))


def fingerprint(settings: Hyperparameters, rows: dict[str, Rows], schema_file: Path) -> str:
    """What two runs must have in common for one to go on with the other's rounds."""
    digest = hashlib.sha256()
    booster = {name: value for name, value in settings.booster.items() if name != "nthread"}
    fixed = asdict(replace(settings, booster=booster))
    kept = {name: value for name, value in fixed.items() if name not in _FREE}
    digest.update(json.dumps(kept, sort_keys=True).encode())
    digest.update(schema_file.read_bytes())
    for name in ("train", "validation"):
        if name in rows:
            digest.update(name.encode())
            digest.update(rows[name].target.tobytes())
            digest.update(np.ascontiguousarray(rows[name].features).tobytes())
    return digest.hexdigest()


def _joined(head: dict[str, Any], model: bytes) -> bytes:
    text = json.dumps(head).encode()
    body = len(text).to_bytes(8, "big") + text + model
    return _MAGIC + hashlib.sha256(body).digest() + body


def _parts(content: bytes) -> tuple[dict[str, Any] | None, bytes]:
    digest, body = content[8:40], content[40:]
    if content[:8] != _MAGIC or hashlib.sha256(body).digest() != digest:
        return None, b""
    end = 8 + int.from_bytes(body[:8], "big")
    return json.loads(body[8:end]), body[end:]
