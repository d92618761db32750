"""From a channel's rows to a booster cut to its best round."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb

from trainer.boosting import Boosting
from trainer.checkpoints import Checkpoints
from trainer.cluster import Cluster
from trainer.hyperparameters import Hyperparameters
from training_job.channels import Rows
from training_job.failure import TrainingError
from training_job.schema import Problem, Schema

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
    *,
    stop: threading.Event,
    checkpoints: Checkpoints,
    cluster: Cluster,
) -> Fitted:
    """Train on `matrices["train"]`, watching the validation channel where there is one.

    Goes on with the newest checkpoint. Every instance gets the same booster.

    Raises:
        TrainingError: the training rows cannot define the problem.
    """
    classes = {name: _classes(data, schema, cluster) for name, data in matrices.items()}
    _check_classes(classes["train"], schema)
    patience = hyperparameters.early_stopping_rounds
    if patience is None and "validation" in matrices:
        patience = DEFAULT_EARLY_STOPPING_ROUNDS
    if patience and "validation" not in matrices:
        raise TrainingError(
            f"early_stopping_rounds is {patience} but there is no channel validation to watch; "
            "add the channel or set early_stopping_rounds to 0"
        )
    boosting = Boosting(
        parameters=_parameters(schema, hyperparameters, classes),
        matrices=matrices,
        rounds=hyperparameters.num_round,
        period=hyperparameters.checkpoint_period,
        log_period=hyperparameters.log_period,
        patience=patience or 0,
    )
    booster, progress = boosting.run(stop=stop, checkpoints=checkpoints, cluster=cluster)
    best = progress.best_round if patience else progress.round
    return Fitted(
        booster=booster[:best],
        best_round=best,
        rounds_run=progress.round,
        interrupted=cluster.any(stop.is_set()),
    )


def _parameters(
    schema: Schema, hyperparameters: Hyperparameters, classes: Mapping[str, list[int]]
) -> dict[str, Any]:
    metrics = EVAL_METRICS[schema.problem]
    if schema.problem == "binary" and len(classes.get("validation", [0, 1])) < 2:
        metrics = ["logloss"]  # AUC does not exist where only one class occurs
    parameters = {
        **hyperparameters.booster,
        "eval_metric": metrics,
        "nthread": threads(hyperparameters),
    }
    if schema.problem == "multiclass":
        parameters["num_class"] = schema.class_count
    return parameters


def _classes(data: xgb.DMatrix, schema: Schema, cluster: Cluster) -> list[int]:
    """The class codes that occur in a channel, wherever its rows are; none for a regression."""
    if schema.problem == "regression":
        return []
    counts = np.bincount(data.get_label().astype(np.int64), minlength=schema.class_count)
    return [int(code) for code in np.flatnonzero(cluster.total(counts.astype(np.int64)))]


def _check_classes(codes: list[int], schema: Schema) -> None:
    if schema.problem != "regression" and len(codes) < 2:
        raise TrainingError(
            f"every row of channel train has the target {schema.target} = "
            f"{schema.classes[codes[0]]!r}; at least two classes are needed"
        )
