"""`model.onnx` by ONNX Runtime, on the CPU or the first accelerator there is."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from inference_server.errors import ModelLoadError
from inference_server.logs import log
from inference_server.settings import Settings

CPU = "CPUExecutionProvider"
_PROVIDERS = {
    "cpu": CPU,
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}


class OnnxEngine:
    """One float32 input [rows, features], an output `probabilities`, or values."""

    file = "model.onnx"

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._session = _open(folder / self.file, settings)
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


def _open(path: Path, settings: Settings) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=_providers(settings.providers)
        )
    except Exception as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelLoadError(f"model.onnx cannot be loaded: {first_line[:300]}") from error
    used = session.get_providers()
    for name in settings.providers:
        if _PROVIDERS[name] not in used:
            log(
                logging.ERROR,
                f"{name} is asked for and cannot be used; the model runs on {used[0]}",
                available=onnxruntime.get_available_providers(),
            )
    return session


def _providers(asked: tuple[str, ...]) -> list[str]:
    # An accelerator's device may be missing while its provider is there: ONNX Runtime says so by
    # leaving it out of the session.
    there = onnxruntime.get_available_providers()
    wanted = [_PROVIDERS[name] for name in asked if _PROVIDERS[name] in there]
    return [*wanted, CPU] if CPU not in wanted else wanted


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
