"""The epochs: data-parallel steps, validation, early stopping, checkpoints."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from torch_trainer.checkpoints import Checkpoints, flat, restore
from torch_trainer.cluster import Cluster
from torch_trainer.hyperparameters import Hyperparameters
from training_job.channels import Rows
from training_job.metrics import metric_line

logger = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Progress:
    """How far training is, and what early stopping has seen."""

    epoch: int = 0
    best_epoch: int = 0
    best_loss: float | None = None


class Trainer:
    """Trains `model` in place; afterwards it has the weights of its best epoch."""

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        rows: Mapping[str, Rows],
        *,
        settings: Hyperparameters,
        cluster: Cluster,
        checkpoints: Checkpoints,
        metric: Callable[[float], tuple[str, float]],
    ) -> None:
        """`metric` names a mean loss as the job's metric definitions do, in the target's units."""
        self._metric = metric
        self._model, self._loss = model.to(cluster.device), loss
        self._settings, self._cluster, self._checkpoints = settings, cluster, checkpoints
        self._data = {name: self._tensors(table) for name, table in rows.items()}
        self._counts = {name: cluster.counts(len(table)) for name, table in rows.items()}
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        gpu = cluster.device.type == "cuda"
        self._amp = settings.amp and gpu
        half = torch.bfloat16 if gpu and torch.cuda.is_bf16_supported() else torch.float16
        self._half = half
        self._scaler = torch.amp.GradScaler(
            cluster.device.type, enabled=self._amp and half == torch.float16
        )
        self._best = copy.deepcopy(model.state_dict())

    def run(self, stop: threading.Event) -> tuple[Progress, bool]:
        """How far it came, and whether it was told to stop."""
        progress, settings = self._resumed(), self._settings
        parallel = DistributedDataParallel(self._model) if self._cluster.size > 1 else self._model
        patience = settings.early_stopping_epochs if "validation" in self._data else 0
        while progress.epoch < settings.epochs:
            if patience and progress.epoch - progress.best_epoch >= patience:
                break
            if progress.epoch and self._cluster.any(stop.is_set()):
                break
            self._epoch(parallel, progress.epoch)
            progress.epoch += 1
            self._judge(progress)
            period = settings.checkpoint_period
            if self._cluster.first and period and progress.epoch % period == 0:
                self._checkpoints.write(self._state(), asdict(progress))
        self._model.load_state_dict(self._best)
        return progress, self._cluster.any(stop.is_set())

    def predict(self, name: str) -> NDArray[np.float32]:
        """What the model says of this process's rows of a channel."""
        self._model.eval()
        features, _ = self._data[name]
        with torch.inference_mode():
            parts = [self._model(part) for part in features.split(4096)]
        found: NDArray[np.float32] = torch.cat(parts).float().cpu().numpy()
        return found

    def _epoch(self, parallel: nn.Module, epoch: int) -> None:
        # Drawn anew each epoch, so a resumed job draws what it would have drawn.
        torch.manual_seed((self._settings.seed * 1_000_003 + epoch) * 4096 + self._cluster.rank)
        parallel.train()
        features, target = self._data["train"]
        order = torch.randperm(len(target))
        size, counts = self._settings.batch_size, self._counts["train"]
        for start in range(0, max(counts), size):
            own = order[start : start + size].to(features.device)
            # Every row weighs the same, wherever it is, and a process whose rows are used up still
            # takes part in the step.
            everywhere = sum(max(0, min(size, count - start)) for count in counts)
            with torch.autocast(features.device.type, self._half, enabled=self._amp):
                if len(own):
                    loss = self._loss(parallel(features[own]), target[own])
                    loss = loss * (len(own) * self._cluster.size / everywhere)
                else:
                    loss = parallel(features.new_zeros((1, features.shape[1]))).sum() * 0
            self._optimizer.zero_grad()
            self._scaler.scale(loss).backward()
            self._scaler.step(self._optimizer)
            self._scaler.update()

    def _judge(self, progress: Progress) -> None:
        shown = {
            name: self._mean_loss(name) for name in ("train", "validation") if name in self._data
        }
        if self._cluster.first:
            logger.info("epoch %d of %d", progress.epoch, self._settings.epochs)
            for name, loss in shown.items():
                logger.info(metric_line(name, *self._metric(loss)))
        if "validation" not in shown:
            progress.best_epoch = progress.epoch
        elif progress.best_loss is None or shown["validation"] < progress.best_loss:
            progress.best_epoch, progress.best_loss = progress.epoch, shown["validation"]
        if progress.best_epoch == progress.epoch:
            self._best = copy.deepcopy(self._model.state_dict())

    def _mean_loss(self, name: str) -> float:
        _, target = self._data[name]
        total = torch.zeros(1, dtype=torch.float64)
        if len(target):
            found = torch.from_numpy(self.predict(name)).to(target.device)
            total += float(self._loss(found, target)) * len(target)
        return float(self._cluster.total(total)[0]) / sum(self._counts[name])

    def _state(self) -> dict[str, torch.Tensor]:
        model = {f"model.{name}": value.clone() for name, value in self._model.state_dict().items()}
        best = {f"best.{name}": value.clone() for name, value in self._best.items()}
        return {**model, **best, **flat(self._optimizer)}

    def _resumed(self) -> Progress:
        # All processes find the same files: S3's were copied to every instance before the start.
        found = self._checkpoints.newest()
        if found is None:
            return Progress()
        tensors, progress = found
        self._model.load_state_dict(_part(tensors, "model."))
        self._best = _part(tensors, "best.")
        restore(self._optimizer, tensors)
        logger.info("going on after epoch %d of an earlier run", progress["epoch"])
        return Progress(**progress)

    def _tensors(self, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        text = self._settings.task == "text"
        features = torch.from_numpy(np.ascontiguousarray(rows.features))
        target = torch.from_numpy(rows.target.copy())
        classifies = isinstance(self._loss, nn.CrossEntropyLoss)
        return (
            (features.long() if text else features).to(self._cluster.device),
            (target.long() if classifies else target.unsqueeze(1)).to(self._cluster.device),
        )


def _part(tensors: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
