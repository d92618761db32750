"""The model on disk: XGBoost's own JSON and ONNX, proven to answer the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import xgboost as xgb
from numpy.typing import NDArray

from training_job.failure import TrainingError
from training_job.schema import Schema

INPUT_NAME = "features"
MAX_DIFFERENCE = 1e-5
PARITY_ROWS = 2000


def save_native(booster: xgb.Booster, schema_file: Path, folder: Path) -> None:
    """Leave `model.json` and `schema.json` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    booster.save_model(folder / "model.json")
    shutil.copyfile(schema_file, folder / "schema.json")


def save_onnx(
    booster: xgb.Booster, schema: Schema, rows: NDArray[np.float32], folder: Path
) -> float:
    """Leave `model.onnx` in `folder` and return how far it is from XGBoost on real rows.

    The difference is relative for regression targets larger than 1, since 32-bit numbers are.

    Raises:
        TrainingError: the two differ by more than 1e-5; no file is left then.
    """
    # Slow to import (0.5 s): only once there is something to convert.
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    columns = len(schema.features)
    # The converter takes a bare booster of a single tree for a regressor; an estimator it believes.
    estimator = xgb.XGBRegressor() if schema.problem == "regression" else xgb.XGBClassifier()
    estimator.load_model(booster.save_raw("json"))
    model = convert_xgboost(
        estimator,
        name="xgboost",  # else a random one, and the same model would have another digest
        initial_types=[(INPUT_NAME, FloatTensorType([None, columns]))],
    )
    content = model.SerializeToString()
    sample = rows[:: max(1, len(rows) // PARITY_ROWS)][:PARITY_ROWS]
    difference = _difference(booster, content, sample)
    if not difference <= MAX_DIFFERENCE:
        raise TrainingError(
            f"the ONNX model differs from XGBoost by {difference:.2g} on {len(sample)} rows of the "
            f"data, allowed: {MAX_DIFFERENCE:g}; nothing was registered"
        )
    (folder / "model.onnx").write_bytes(content)
    return difference


def _difference(booster: xgb.Booster, content: bytes, rows: NDArray[np.float32]) -> float:
    types = booster.feature_types
    data = xgb.DMatrix(rows, feature_types=types, enable_categorical="c" in (types or []))
    native = booster.predict(data)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    wanted = "probabilities" if "probabilities" in names else names[0]
    (converted,) = session.run([wanted], {INPUT_NAME: rows})
    if wanted != "probabilities":
        return float(np.max(np.abs(converted[:, 0] - native) / np.maximum(1, np.abs(native))))
    return float(
        np.max(np.abs(converted - native if native.ndim == 2 else converted[:, 1] - native))
    )
