"""`model.pt2` (torch.export), or `model.safetensors` with its architecture, by PyTorch.

The architecture is data, not code: `architecture.json` names the layers of a sequential network
among those below, so that loading a model runs none of its author's Python.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference_server.errors import ModelLoadError
from inference_server.models.files import TOKENIZER, TORCH_FILES
from inference_server.settings import Settings

LAYERS = frozenset(
    {"Linear", "ReLU", "GELU", "SiLU", "Tanh", "Sigmoid", "Softmax", "LayerNorm", "BatchNorm1d"}
    | {"Dropout", "Identity", "LeakyReLU", "ELU", "Flatten"}
)


class TorchEngine:
    """A module [rows, features or tokens] -> [rows, outputs], on this worker's GPU, or the CPU."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.file = next(name for name in TORCH_FILES if (folder / name).is_file())
        # torch.export.load unpickles what is no tensor, unless every load is told not to.
        os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
        try:
            import torch
        except ImportError:
            raise ModelLoadError(
                f"{self.file} needs PyTorch, which this image does not have; build it with "
                "--build-arg VARIANT=torch, or export the model as model.onnx"
            ) from None
        self._torch: Any = torch
        torch.set_num_threads(settings.threads)
        # One process a GPU: the worker's number says which.
        count = torch.cuda.device_count() if settings.providers[:1] != ("cpu",) else 0
        if not count and "cpu" not in settings.providers:
            raise ModelLoadError(
                f"{self.file} cannot run on {' or '.join(settings.providers)}: PyTorch finds no "
                "GPU here; give the image and the instance what is missing, or allow the CPU with "
                f"INFERENCE_PROVIDERS={','.join([*settings.providers, 'cpu'])}"
            )
        self._device = f"cuda:{(settings.worker - 1) % count}" if count else "cpu"
        self._declared = _declared(folder)
        self.width: int | None = None
        """How many numbers a row has, where an exported program says so."""
        try:
            self._module = self._load(folder)
        except ModelLoadError:
            raise
        except Exception as error:
            first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ModelLoadError(f"{self.file} cannot be loaded: {first_line[:300]}") from error
        self.columns: int | None = self._declared.get("inputs")
        self.classifies = (
            self._declared.get("output") == "probabilities" or (folder / TOKENIZER).is_file()
        )
        self.classes: int | None = None

    def run(self, matrix: NDArray[Any]) -> NDArray[np.float32]:
        with self._torch.inference_mode():
            found = self._module(self._torch.from_numpy(matrix).to(self._device))
        result: NDArray[np.float32] = found.float().cpu().numpy()
        return result.reshape(len(matrix), -1)

    def _load(self, folder: Path) -> Callable[[Any], Any]:
        if self.file == "model.pt2":
            program = self._torch.export.load(folder / self.file)
            self.width = _width(program)
            module: Callable[[Any], Any] = program.module().to(self._device)
            return module
        from safetensors.torch import load_file

        layers = [self._layer(entry) for entry in self._declared.get("layers") or ()]
        if not layers:
            raise ModelLoadError(
                'model.safetensors needs architecture.json: {"inputs": 30, "output": '
                '"probabilities", "layers": [["Linear", 30, 64], ["ReLU"], ...]}'
            )
        network = self._torch.nn.Sequential(*layers)
        network.load_state_dict(load_file(folder / self.file))
        ready: Callable[[Any], Any] = network.to(self._device).eval()
        return ready

    def _layer(self, entry: list[Any]) -> Any:
        name, *arguments = entry
        if name not in LAYERS:
            raise ModelLoadError(
                f"architecture.json has the layer {name!r}; allowed: {', '.join(sorted(LAYERS))}"
            )
        return getattr(self._torch.nn, name)(*arguments)


def _width(program: Any) -> int | None:
    first = program.graph_signature.user_inputs[0]
    (shape,) = (node.meta["val"].shape for node in program.graph.nodes if node.name == first)
    return shape[1] if len(shape) == 2 and isinstance(shape[1], int) else None


def _declared(folder: Path) -> dict[str, Any]:
    path = folder / "architecture.json"
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelLoadError(f"architecture.json cannot be used: {error}") from error
    if not isinstance(content, dict):
        raise ModelLoadError("architecture.json cannot be used: it must be a JSON object")
    return content
