"""`model.onnx` by ONNX Runtime, on the CPU or this worker's GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from inference_server.errors import ModelLoadError
from inference_server.models.providers import open_session
from inference_server.settings import Settings


class OnnxEngine:
    """One float32 input [rows, features], an output `probabilities`, or values."""

    file = "model.onnx"

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._session = open_session(folder / self.file, settings)
        self._input, self.columns = _input_of(self._session)
        outputs = {output.name: output.shape for output in self._session.get_outputs()}
        self.classifies = "probabilities" in outputs
        name = "probabilities" if self.classifies else next(iter(outputs))
        width = outputs[name][-1] if outputs[name] else None
        self.classes = width if self.classifies and isinstance(width, int) else None
        self._outputs = [name]

    def run(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        result: NDArray[np.float32] = self._session.run(self._outputs, {self._input: matrix})[0]
        return result


def _input_of(session: onnxruntime.InferenceSession) -> tuple[str, int | None]:
    inputs = session.get_inputs()
    shapes = [f"{item.name}: {item.type} {item.shape}" for item in inputs]
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 2:
        raise ModelLoadError(
            f"model.onnx takes {', '.join(shapes)}; without code/inference.py this server feeds "
            "one float input [rows, features]"
        )
    columns = inputs[0].shape[1]
    return inputs[0].name, columns if isinstance(columns, int) else None
