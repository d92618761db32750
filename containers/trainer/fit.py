"""Boosting: the loop, its progress lines, and stopping early or when told to."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb

from trainer.channels import Rows
from trainer.failure import TrainingError
from trainer.hyperparameters import Hyperparameters
from trainer.metrics import metric_line
from trainer.schema import Problem, Schema

logger = logging.getLogger(__name__)

# XGBoost stops early on the last one.
EVAL_METRICS: dict[Problem, list[str]] = {
    "binary": ["logloss", "auc"],
    "multiclass": ["merror", "mlogloss"],
    "regression": ["mae", "rmse"],
}
DEFAULT_EARLY_STOPPING_ROUNDS = 20
# The converter unrolls a set of categories into a chain of nodes, recursively: a few hundred
# categories end in a RecursionError, a hundred take minutes.
MAX_SET_CATEGORIES = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """A booster cut to its best round, so that every reader of it gives the same answer."""

    booster: xgb.Booster
    best_round: int
    rounds_run: int
    interrupted: bool


class _Progress(xgb.callback.TrainingCallback):  # type: ignore[misc]  # XGBoost ships no types
    """Prints metrics every `period` rounds and ends training when `stop` is set."""

    def __init__(self, period: int, total: int, stop: threading.Event) -> None:
        super().__init__()
        self._period = period
        self._total = total
        self._stop = stop

    def after_iteration(
        self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, list[Any]]]
    ) -> bool:
        if (epoch + 1) % self._period == 0:
            logger.info("round %d of %d", epoch + 1, self._total)
            for channel, metrics in evals_log.items():
                for name, values in metrics.items():
                    logger.info(metric_line(channel, name, float(values[-1])))
        return self._stop.is_set()


def matrix(rows: Rows, schema: Schema, hyperparameters: Hyperparameters) -> xgb.DMatrix:
    """A channel in XGBoost's form, without column names (the ONNX converter reads only f0..fn)."""
    categorical = hyperparameters.enable_categorical
    if categorical:
        _check_categories(schema)
    types = ["c" if categorical and count else "q" for count in schema.categories]
    return xgb.DMatrix(
        rows.features,
        rows.target,
        feature_types=types,
        enable_categorical=categorical,
        nthread=threads(hyperparameters),
    )


def _check_categories(schema: Schema) -> None:
    wide = [
        f"{name} ({count})"
        for name, count in zip(schema.features, schema.categories, strict=True)
        if count and count > MAX_SET_CATEGORIES
    ]
    if wide:
        raise TrainingError(
            f"enable_categorical is true, but {', '.join(wide)} has more than "
            f"{MAX_SET_CATEGORIES} categories, which ONNX cannot hold as sets; set "
            "enable_categorical to false or drop the column"
        )


def threads(hyperparameters: Hyperparameters) -> int:
    """The threads to train with: as asked, else one per usable core."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return int(hyperparameters.booster.get("nthread") or usable or 1)


def fit(
    matrices: Mapping[str, xgb.DMatrix],
    schema: Schema,
    hyperparameters: Hyperparameters,
    stop: threading.Event,
) -> Fitted:
    """Train on `matrices["train"]`, watching the validation channel where there is one.

    Raises:
        TrainingError: the training rows cannot define the problem.
    """
    _check_classes(matrices["train"], schema)
    watched = [(matrices[name], name) for name in ("train", "validation") if name in matrices]
    patience = hyperparameters.early_stopping_rounds
    if patience is None and "validation" in matrices:
        patience = DEFAULT_EARLY_STOPPING_ROUNDS
    if patience and "validation" not in matrices:
        raise TrainingError(
            f"early_stopping_rounds is {patience} but there is no channel validation to watch; "
            "add the channel or set early_stopping_rounds to 0"
        )
    progress = _Progress(hyperparameters.log_period, hyperparameters.num_round, stop)
    callbacks: list[xgb.callback.TrainingCallback] = [progress]
    if patience:
        callbacks.append(xgb.callback.EarlyStopping(rounds=patience))
    booster = xgb.train(
        _parameters(schema, hyperparameters, matrices),
        matrices["train"],
        hyperparameters.num_round,
        evals=watched,
        verbose_eval=False,
        callbacks=callbacks,
    )
    rounds_run = booster.num_boosted_rounds()
    best = booster.best_iteration if patience else rounds_run - 1
    return Fitted(
        booster=booster[: best + 1],
        best_round=best + 1,
        rounds_run=rounds_run,
        interrupted=stop.is_set(),
    )


def _parameters(
    schema: Schema, hyperparameters: Hyperparameters, matrices: Mapping[str, xgb.DMatrix]
) -> dict[str, Any]:
    metrics = EVAL_METRICS[schema.problem]
    watched = matrices.get("validation")
    if schema.problem == "binary" and watched is not None and _distinct(watched) < 2:
        metrics = ["logloss"]  # AUC does not exist where only one class occurs
    parameters = {
        **hyperparameters.booster,
        "eval_metric": metrics,
        "nthread": threads(hyperparameters),
    }
    if schema.problem == "multiclass":
        parameters["num_class"] = schema.class_count
    return parameters


def _check_classes(train: xgb.DMatrix, schema: Schema) -> None:
    if schema.problem != "regression" and _distinct(train) < 2:
        code = int(train.get_label()[0])
        raise TrainingError(
            f"every row of channel train has the target {schema.target} = "
            f"{schema.classes[code]!r}; at least two classes are needed"
        )


def _distinct(data: xgb.DMatrix) -> int:
    return len(np.unique(data.get_label()))
