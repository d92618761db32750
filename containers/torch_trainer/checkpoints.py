"""Where an interrupted job goes on: weights and optimizer state as tensors, the rest as JSON."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from training_job.failure import TrainingError

logger = logging.getLogger(__name__)
_NAME = re.compile(r"epoch-(\d{6})\.safetensors")
_KEPT = 2


class Checkpoints:
    """The folder that S3 follows; nothing is written where there is none."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder, self._fingerprint = folder, fingerprint

    def newest(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """The tensors and the progress to go on with.

        Raises:
            TrainingError: the checkpoints are of another job.
        """
        for path in reversed(self._files()):
            try:
                with safe_open(path, framework="pt") as found:
                    head = json.loads(found.metadata()["head"])
                    tensors = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118
            except (SafetensorError, OSError, KeyError):
                logger.warning("checkpoint %s is incomplete: taking the one before", path.name)
                continue
            if head["fingerprint"] != self._fingerprint:
                raise TrainingError(
                    f"checkpoint {path.name} is of a job with other data or hyperparameters than "
                    "this one; give CheckpointConfig an S3Uri with nothing under it"
                )
            return tensors, head["progress"]
        return None

    def write(self, tensors: dict[str, torch.Tensor], progress: dict[str, Any]) -> None:
        """Leave the checkpoint as a whole or not at all, and at most one before it."""
        if not self._folder.is_dir():
            return
        path = self._folder / f"epoch-{progress['epoch']:06d}.safetensors"
        draft = self._folder / f".{path.name}.draft"
        head = json.dumps({"fingerprint": self._fingerprint, "progress": progress})
        save_file({k: v.contiguous() for k, v in tensors.items()}, draft, metadata={"head": head})
        draft.replace(path)
        for old in self._files()[:-_KEPT]:
            old.unlink()

    def _files(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))


def flat(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The optimizer's state as tensors by name."""
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{index}.{name}": value.clone()
        for index, entry in state.items()
        for name, value in entry.items()
    }


def restore(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Give the optimizer the state that `flat` wrote."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
