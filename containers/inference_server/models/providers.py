"""Where ONNX Runtime runs a model: on what was asked for, or not at all.

Left to itself ONNX Runtime serves on the CPU when an accelerator's libraries or driver are missing,
ten times slower and at a GPU's price. Here the CPU serves only where INFERENCE_PROVIDERS names it.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import onnxruntime

from inference_server.errors import ModelLoadError
from inference_server.logs import log
from inference_server.settings import Settings

CPU = "CPUExecutionProvider"
PROVIDERS = {
    "cpu": CPU,
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}


def open_session(path: Path, settings: Settings) -> onnxruntime.InferenceSession:
    """The model on the first of the settings' providers that can be had.

    Raises:
        ModelLoadError: none of them can, or the model is none.
    """
    faults: list[str] = []
    for position, name in enumerate(settings.providers):
        found = _try(path, settings, settings.providers[position:])
        if isinstance(found, str):
            faults.append(f"{name}: {found}")
            continue
        for fault in faults:
            log(logging.ERROR, f"asked for and cannot be used, {name} serves instead; {fault}")
        if name != "cpu":
            _tell_where_it_runs(found, name, _device(settings))
        return found
    asked = settings.providers
    raise ModelLoadError(
        f"{path.name} cannot run on {' or '.join(asked)} ({'; '.join(faults)}); give the image and "
        "the instance what is missing, or allow the CPU with INFERENCE_PROVIDERS="
        f"{','.join([*asked, 'cpu'])}"
    )


def _try(
    path: Path, settings: Settings, names: Sequence[str]
) -> onnxruntime.InferenceSession | str:
    """A session that the first of `names` runs, or why there is none."""
    first = names[0]
    missing = ""
    if first != "cpu":
        if PROVIDERS[first] not in onnxruntime.get_available_providers():
            return "this image's ONNX Runtime has none; build it with --build-arg VARIANT=gpu"
        missing = _preload()
    try:
        session = onnxruntime.InferenceSession(
            str(path),
            _options(settings, accelerated=first != "cpu"),
            providers=_chain(names, _device(settings)),
            # Its own second try forgets which GPU was meant, and ends on the CPU.
            enable_fallback=0,
        )
    except Exception as error:
        if first == "cpu":
            raise ModelLoadError(f"{path.name} cannot be loaded: {_first_line(error)}") from error
        return _first_line(error)
    if session.get_providers()[0] != PROVIDERS[first]:
        return missing or "no GPU, or a driver older than its CUDA; see ONNX Runtime's own lines"
    return session


def _options(settings: Settings, *, accelerated: bool) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if accelerated:
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return options


def _device(settings: Settings) -> int:
    """One process a GPU: the worker's number says which."""
    return (settings.worker - 1) % max(1, settings.gpus)


def _chain(names: Sequence[str], device: int) -> list[Any]:
    """Who gets each node of the model, best first: CUDA what TensorRT leaves, the CPU the rest."""
    if names[0] == "cpu":
        return [CPU]
    accelerators = dict.fromkeys(name for name in names if name != "cpu")
    if "tensorrt" in accelerators:
        accelerators["cuda"] = None
    there = onnxruntime.get_available_providers()
    chain = [PROVIDERS[name] for name in accelerators if PROVIDERS[name] in there]
    return [*((name, {"device_id": str(device)}) for name in chain), CPU]


@cache
def _preload() -> str:
    """Load CUDA and cuDNN from their own packages, where no linker looks; what could not be."""
    said = io.StringIO()
    with redirect_stdout(said):  # which is for lines of JSON
        onnxruntime.preload_dlls()
    failed = [line for line in said.getvalue().splitlines() if line.startswith("Failed to load")]
    return failed[0] if failed else ""


def _tell_where_it_runs(session: onnxruntime.InferenceSession, name: str, device: int) -> None:
    nodes: dict[str, int] = {}
    for part in session.get_provider_graph_assignment_info():
        nodes[part.ep_name] = nodes.get(part.ep_name, 0) + len(part.get_nodes())
    if set(nodes) <= {CPU}:
        log(
            logging.WARNING,
            f"{name} is there and runs no part of this model: trees, for one, run on the CPU; "
            "INFERENCE_PROVIDERS=cpu serves it with one worker a CPU",
        )
    else:
        log(logging.INFO, "where the model runs", device=device, nodes=nodes)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
