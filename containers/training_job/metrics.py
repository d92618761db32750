"""How good the predictions are: the numbers SageMaker records and a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from training_job.schema import Schema


def metric_line(channel: str, name: str, value: float) -> str:
    """The line that a metric definition's regex finds: `metric test:auc=0.81`."""
    return f"metric {channel}:{name}={value:.6g}"


def evaluate(
    schema: Schema, target: NDArray[np.float32], predicted: NDArray[np.float32]
) -> dict[str, float]:
    """The metrics of one channel. A metric that the rows cannot define is left out."""
    if schema.problem == "regression":
        found = {
            "rmse": sk.root_mean_squared_error(target, predicted),
            "mae": sk.mean_absolute_error(target, predicted),
        }
        if np.ptp(target) > 0:  # R2 compares with the target's own spread
            found["r2"] = sk.r2_score(target, predicted)
        return {name: float(value) for name, value in found.items()}
    probabilities = as_probabilities(schema, predicted)
    labels = range(schema.class_count)
    codes = target.astype(int)
    found = {"accuracy": sk.accuracy_score(codes, probabilities.argmax(axis=1))}
    loss = sk.log_loss(codes, probabilities, labels=list(labels))
    if schema.problem == "multiclass":
        found["mlogloss"] = loss
    else:
        found["logloss"] = loss
        if len(np.unique(codes)) == 2:
            found["auc"] = sk.roc_auc_score(codes, probabilities[:, 1])
    return {name: float(value) for name, value in found.items()}


def as_probabilities(schema: Schema, predicted: NDArray[np.float32]) -> NDArray[np.float64]:
    """Class probabilities [rows, classes] from XGBoost's prediction."""
    wide = predicted.astype(np.float64)
    if schema.problem == "binary":
        return np.column_stack([1 - wide, wide])
    total: NDArray[np.float64] = wide.sum(axis=1, keepdims=True)
    return np.divide(wide, total)


def report(
    schema: Schema, target: NDArray[np.float32], predicted: NDArray[np.float32]
) -> dict[str, Any]:
    """The part of the evaluation that one number cannot say."""
    if schema.problem == "regression":
        residuals = target.astype(np.float64) - predicted
        quantiles = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
        return {
            "residuals": {
                "mean": float(residuals.mean()),
                "standard_deviation": float(residuals.std()),
                "quantiles": {str(q): float(np.quantile(residuals, q)) for q in quantiles},
            }
        }
    codes = as_probabilities(schema, predicted).argmax(axis=1)
    counts = sk.confusion_matrix(target.astype(int), codes, labels=list(range(schema.class_count)))
    return {
        "confusion_matrix": {
            "classes": list(schema.classes),
            "rows_are": "actual",
            "counts": counts.tolist(),
        }
    }


def feature_importance(features: Sequence[str], gains: dict[str, Any]) -> dict[str, float]:
    """Each feature's share of the total gain, largest first; unused features are 0."""
    values = {name: float(gains.get(f"f{index}", 0.0)) for index, name in enumerate(features)}
    total = sum(values.values()) or 1.0
    ordered = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    return {name: value / total for name, value in ordered}
