"""The model on disk, proven to answer what training's own network answers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from safetensors.torch import save_file
from torch import nn

from training_job.failure import TrainingError

MAX_DIFFERENCE = 1e-4  # of float32 sums in another order
INPUT_NAME = "features"


def save_onnx(model: nn.Module, sample: torch.Tensor, folder: Path, *, classifies: bool) -> float:
    """Leave `model.onnx` for the inference server; return its distance from the network.

    Raises:
        TrainingError: the two differ by more than 1e-4, relative to values above 1.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    output = "probabilities" if classifies else "value"
    program: Any = torch.onnx.export(
        model,
        (sample[:2],),
        input_names=[INPUT_NAME],
        output_names=[output],
        dynamic_shapes=({0: torch.export.Dim("rows")},),
        dynamo=True,
        verbose=False,
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    program.save(str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (converted,) = session.run([output], {INPUT_NAME: sample.numpy()})
    return _checked(model, sample, converted, path)


def save_exported(model: nn.Module, body: nn.Module, sample: torch.Tensor, folder: Path) -> float:
    """Leave `model.pt2` (torch.export) and `model.safetensors`; return the first's distance.

    Raises:
        TrainingError: the two differ by more than 1e-4.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.pt2"
    # Two rows: a dimension of one would be taken for a constant.
    program = torch.export.export(
        model, (sample[:2],), dynamic_shapes=({0: torch.export.Dim("rows")},)
    )
    torch.export.save(program, path)
    save_file(
        {k: v.contiguous() for k, v in body.state_dict().items()}, folder / "model.safetensors"
    )
    with torch.inference_mode():
        loaded = torch.export.load(path).module()(sample).numpy()
    return _checked(model, sample, loaded, path)


def _checked(
    model: nn.Module, sample: torch.Tensor, found: np.ndarray[Any, Any], path: Path
) -> float:
    with torch.inference_mode():
        own = model(sample).numpy()
    difference = float(np.max(np.abs(found - own) / np.maximum(1, np.abs(own))))
    if not difference <= MAX_DIFFERENCE:
        path.unlink()
        raise TrainingError(
            f"{path.name} differs from the trained network by {difference:.2g} on {len(sample)} "
            f"rows of the data, allowed: {MAX_DIFFERENCE:g}; nothing was registered"
        )
    return difference
