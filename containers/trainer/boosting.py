"""The rounds: progress lines, checkpoints, and stopping early or when told to."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xgboost as xgb

from trainer.checkpoints import Checkpoint, Checkpoints, Progress
from trainer.cluster import Cluster
from training_job.metrics import metric_line

logger = logging.getLogger(__name__)

# SageMaker kills 120 s after SIGTERM: half of it for rounds, half for the model and its upload.
STOP_SECONDS = 60.0
_LARGER_IS_BETTER = ("auc",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Boosting:
    """What the rounds have in common.

    Every `period` rounds the booster is written out and read again with a seed of its own, also
    where no checkpoint is kept. What XGBoost draws at random depends on all it drew since it was
    made, so only a booster that starts anew there, interrupted or not, gives the same model.
    """

    parameters: Mapping[str, Any]
    matrices: Mapping[str, xgb.DMatrix]
    rounds: int
    period: int
    log_period: int
    patience: int

    def run(
        self, *, stop: threading.Event, checkpoints: Checkpoints, cluster: Cluster
    ) -> tuple[xgb.Booster, Progress]:
        """The booster after its last round, and how far it came."""
        found = cluster.from_first(checkpoints.newest() if cluster.first else None)
        progress, booster = Progress(), self._booster(b"", 0)
        if found is not None:
            progress = found.progress
            booster = self._booster(found.model, progress.round)
            logger.info("going on after round %d of an earlier run", progress.round)
        asked: float | None = None
        while progress.round < self.rounds and not self._stale(progress):
            if cluster.any(stop.is_set()):
                asked = asked if asked is not None else time.monotonic()
                waited = not checkpoints.kept or time.monotonic() - asked > STOP_SECONDS
                # Rounds since the last checkpoint are lost: those up to the next one are few.
                enough = progress.round > 0 and (waited or not self._open(progress))
                if cluster.from_first(enough):
                    break
            progress = self._round(booster, progress)
            if not self._open(progress):
                model = bytes(booster.save_raw("ubj"))
                if cluster.first:
                    checkpoints.write(Checkpoint(progress=progress, model=model))
                booster = self._booster(model, progress.round)
        return booster, progress

    def _booster(self, model: bytes, after: int) -> xgb.Booster:
        seed = (int(self.parameters["seed"]) + after) % 2**31
        return xgb.Booster(
            {**self.parameters, "seed": seed},
            cache=list(self.matrices.values()),
            model_file=bytearray(model) if model else None,
        )

    def _open(self, progress: Progress) -> bool:
        """Whether rounds were run that no checkpoint holds."""
        return not self.period or progress.round % self.period != 0

    def _round(self, booster: xgb.Booster, progress: Progress) -> Progress:
        booster.update(self.matrices["train"], progress.round)
        done = progress.round + 1
        shown = done % self.log_period == 0
        watched = [name for name in ("train", "validation") if name in self.matrices]
        if not shown and not self.patience:
            return Progress(round=done)
        pairs = [(self.matrices[name], name) for name in watched]
        scores = _scores(booster.eval_set(pairs, done))
        if shown:
            logger.info("round %d of %d", done, self.rounds)
            for (channel, name), value in scores.items():
                logger.info(metric_line(channel, name, value))
        if not self.patience:
            return Progress(round=done)
        metric = self.parameters["eval_metric"][-1]
        score = scores["validation", metric]
        best = progress.best_score
        better = best is None or (score > best if metric in _LARGER_IS_BETTER else score < best)
        if better:
            return Progress(round=done, best_round=done, best_score=score)
        return Progress(round=done, best_round=progress.best_round, best_score=best)

    def _stale(self, progress: Progress) -> bool:
        return bool(self.patience) and progress.round - progress.best_round >= self.patience


def _scores(line: str) -> dict[tuple[str, str], float]:
    """XGBoost's `[4]\\ttrain-auc:0.9\\tvalidation-auc:0.8` by channel and metric."""
    found = {}
    for part in line.split("\t")[1:]:
        name, _, value = part.rpartition(":")
        channel, _, metric = name.partition("-")
        found[channel, metric] = float(value)
    return found
