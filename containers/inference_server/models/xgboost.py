"""`model.json` or `model.ubj` by XGBoost itself, where it is installed (EXTRAS=xgboost)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference_server.errors import ModelLoadError
from inference_server.models.files import XGBOOST_FILES
from inference_server.settings import Settings


class XgboostEngine:
    """A booster in XGBoost's own format; JSON and UBJ hold data only, never code."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.file = next(name for name in XGBOOST_FILES if (folder / name).is_file())
        try:
            import xgboost
        except ImportError:
            raise ModelLoadError(
                f"{self.file} needs XGBoost, which this image does not have; build it with "
                "--build-arg EXTRAS=xgboost, or put a model.onnx beside it"
            ) from None
        self._dmatrix: Any = xgboost.DMatrix
        self._booster = xgboost.Booster({"nthread": settings.threads})
        try:
            self._booster.load_model(folder / self.file)
            config = json.loads(self._booster.save_config())["learner"]
        except Exception as error:
            first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ModelLoadError(f"{self.file} cannot be loaded: {first_line[:300]}") from error
        self.columns: int | None = self._booster.num_features()
        objective = config["objective"]["name"]
        self._one_sided = objective == "binary:logistic"
        self.classifies = self._one_sided or objective == "multi:softprob"
        classes = int(config["learner_model_param"]["num_class"])
        self.classes = 2 if self._one_sided else classes or None
        self._types = self._booster.feature_types
        best = self._booster.attr("best_iteration")
        # Early stopping leaves trees behind the best one; XGBoost's own estimators leave them out.
        self._trees = (0, int(best) + 1) if best is not None else (0, 0)

    def run(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        categorical = "c" in (self._types or [])
        data = self._dmatrix(matrix, feature_types=self._types, enable_categorical=categorical)
        found: NDArray[np.float32] = self._booster.predict(
            data, validate_features=False, iteration_range=self._trees
        )
        if self._one_sided:  # one number for two classes: the second's chance
            return np.column_stack([1 - found, found])
        return found.reshape(len(matrix), -1)
