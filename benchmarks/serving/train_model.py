"""A gradient-boosted model of 100 trees on 30 columns, as ONNX and as the joblib of AWS's sample.

Runs in the peers' environment: `train_model.py <folder>`.
"""

import sys
from pathlib import Path

import joblib
import numpy as np
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier

COLUMNS = 30


def main(folder: Path) -> None:
    random = np.random.default_rng(17)
    x = random.normal(size=(5000, COLUMNS)).astype(np.float32)
    y = (x[:, :5].sum(axis=1) + random.normal(size=5000) > 0).astype(int)
    model = GradientBoostingClassifier(n_estimators=100, max_depth=4, random_state=17).fit(x, y)
    converted = convert_sklearn(
        model,
        initial_types=[("features", FloatTensorType([None, COLUMNS]))],
        options={id(model): {"zipmap": False}},
        target_opset={"": 15, "ai.onnx.ml": 3},
    )
    (folder / "model").mkdir(parents=True, exist_ok=True)
    (folder / "model" / "model.onnx").write_bytes(converted.SerializeToString())
    (folder / "sample").mkdir(exist_ok=True)
    joblib.dump(model, folder / "sample" / "model.joblib")
    (folder / "row.csv").write_text(",".join(f"{value:.6g}" for value in x[0]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
