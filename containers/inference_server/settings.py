"""The environment variables this server reads, checked once at the start."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from inference_server.models.files import TORCH_FILES

DEFAULT_BASE_DIR = "/opt/ml"
# The real-time payload limit; batch transform sets SAGEMAKER_MAX_PAYLOAD_IN_MB when it differs.
DEFAULT_MAX_PAYLOAD_MB = 25
PROVIDERS = ("cpu", "cuda", "tensorrt")
DEVICES = Path("/dev")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """One server's settings."""

    model_dir: Path
    host: str
    port: int
    max_payload_bytes: int
    default_accept: str | None
    """None: JSON in real time, the request's own type in batch."""
    batch: bool
    threads: int
    """ONNX Runtime threads per worker."""
    log_level: int
    script: str
    script_dir: Path
    workers: int
    max_batch: int
    """The most requests that one run of a built-in model answers; 1 turns batching off."""
    max_connections: int
    timeout_seconds: int
    """How long a request may run before its worker is given up on."""
    metrics_namespace: str | None
    trusted_pickles: frozenset[str]
    """The sha256 of each pickle that may be there for a script to load."""
    providers: tuple[str, ...] = ()
    """What may run built-in models, the best first; the CPU only where it is among them."""
    gpus: int = 0
    """How many GPUs this container sees."""
    model_digest: str | None = None
    """What `python -m inference_server digest <folder>` says of the model that is meant."""
    multi_model: bool = False
    models_memory_bytes: int = 0
    """What the process may hold with all of a multi-model endpoint's models."""
    models_dir: Path = Path(DEFAULT_BASE_DIR) / "models"
    """Where SageMaker puts the models of a multi-model endpoint."""
    sample: str | None = None
    """The request that a script is tried with, a path in the model folder."""
    worker: int = 1
    user: int = 0
    """Who serves once root has opened the port; 0: whoever started the server."""


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in the environment.

    Raises:
        ValueError: with every variable that cannot be used, in one message.
    """
    values = os.environ if environment is None else environment
    faults: list[str] = []

    def number(name: str, default: int, low: int, high: int) -> int:
        text = values.get(name) or str(default)
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            faults.append(f"{name} is {text!r}, allowed: a whole number from {low} to {high}")
            return default
        return int(text)

    base = values.get("SAGEMAKER_BASE_DIR") or DEFAULT_BASE_DIR
    model_dir = Path(base) / "model"
    # SageMaker reaches a container over its network; a relocated base folder means a process on
    # somebody's machine, where nobody else should reach it.
    host = "0.0.0.0" if base == DEFAULT_BASE_DIR else "127.0.0.1"  # noqa: S104
    relocated = base != DEFAULT_BASE_DIR
    digests = (values.get("INFERENCE_TRUSTED_PICKLES") or "").lower().replace(",", " ").split()
    for digest in digests:
        if not re.fullmatch("[0-9a-f]{64}", digest):
            faults.append(
                f"INFERENCE_TRUSTED_PICKLES has {digest[:80]!r}, allowed: the sha256 of files as "
                "64 hexadecimal digits, with commas between them"
            )
    gpus = _gpus(values)
    wished = (values.get("INFERENCE_PROVIDERS") or "").lower().replace(",", " ").split()
    for name in wished:
        if name not in PROVIDERS:
            faults.append(
                f"INFERENCE_PROVIDERS has {name[:80]!r}, allowed: {', '.join(PROVIDERS)}, with "
                "commas between them"
            )
    model_digest = (values.get("INFERENCE_MODEL_DIGEST") or "").lower() or None
    if model_digest and not re.fullmatch("[0-9a-f]{64}", model_digest):
        faults.append(
            f"INFERENCE_MODEL_DIGEST is {model_digest[:80]!r}, allowed: the 64 hexadecimal digits "
            "that `python -m inference_server digest <model folder>` prints"
        )
    # A GPU that is paid for serves or nothing does. The image of the CPU's packages was chosen for
    # the CPU (Dockerfile), and somebody's own machine may have a GPU by chance.
    by_default: tuple[str, ...] = ("cuda", "cpu") if relocated else ("cuda",)
    if not gpus or values.get("INFERENCE_VARIANT") == "cpu":
        by_default = ("cpu",)
    providers = tuple(dict.fromkeys(wished)) or by_default
    multi_model = (values.get("SAGEMAKER_MULTI_MODEL") or "").lower() == "true"
    cores = _cores()
    on_gpus = gpus if providers[0] != "cpu" and _can_use_gpus(model_dir) else 0
    # One process serves all of a multi-model endpoint's models, or one GPU's: it uses the other
    # cores so.
    many_threads = cores if multi_model else cores // (on_gpus or cores)
    timeout = "SAGEMAKER_MODEL_SERVER_TIMEOUT"
    if values.get(f"{timeout}_SECONDS"):
        timeout = f"{timeout}_SECONDS"
    submit = values.get("SAGEMAKER_SUBMIT_DIRECTORY") or ""
    settings = Settings(
        model_dir=model_dir,
        host=values.get("SAGEMAKER_BIND_TO_HOST") or host,
        port=number("SAGEMAKER_BIND_TO_PORT", 8080, 1, 65535),
        # 0 is batch transform's word for "no limit": a hundred of its largest requests then.
        max_payload_bytes=(
            number("SAGEMAKER_MAX_PAYLOAD_IN_MB", DEFAULT_MAX_PAYLOAD_MB, 0, 10_000) or 10_000
        )
        * 1024
        * 1024,
        default_accept=values.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or None,
        batch=(values.get("SAGEMAKER_BATCH") or "").lower() == "true",
        threads=number("INFERENCE_THREADS", 1 if relocated else max(1, many_threads), 1, 1024),
        log_level=number("SAGEMAKER_CONTAINER_LOG_LEVEL", 20, 0, 50),
        script=values.get("SAGEMAKER_PROGRAM") or "inference.py",
        script_dir=Path(submit) if Path(submit).is_absolute() else model_dir / "code",
        workers=1
        if multi_model
        else number(
            "SAGEMAKER_MODEL_SERVER_WORKERS",
            # Somebody's own machine has other things to do than to be a server.
            on_gpus or (1 if relocated else cores),
            1,
            256,
        ),
        max_batch=number("INFERENCE_MAX_BATCH", 64, 1, 4096),
        max_connections=number("INFERENCE_MAX_CONNECTIONS", 1000, 1, 100_000),
        timeout_seconds=number(timeout, 60, 1, 3600),
        metrics_namespace=values.get("INFERENCE_METRICS_NAMESPACE") or None,
        trusted_pickles=frozenset(digests),
        providers=providers,
        gpus=gpus,
        model_digest=model_digest,
        multi_model=multi_model,
        sample=values.get("INFERENCE_SAMPLE") or None,
        user=number("INFERENCE_USER", 0, 0, 65_534),
        models_dir=Path(base) / "models",
        models_memory_bytes=number("INFERENCE_MODELS_MEMORY_MB", 0, 0, 10_000_000) * 1024**2
        or memory_limit() * 8 // 10,
    )
    if faults:
        raise ValueError("; ".join(faults))
    return settings


def _cores() -> int:
    """The CPUs this process may use; macOS knows only how many there are."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return usable or 1


def memory_limit() -> int:
    """The bytes this container may use: its cgroup's limit, else the machine's memory."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            return min(machine, int(Path(name).read_text()))
    return machine


def _gpus(values: Mapping[str, str]) -> int:
    """The NVIDIA devices of this container, or those of them that CUDA is told of."""
    there = len(list(DEVICES.glob("nvidia[0-9]*")))
    told = values.get("CUDA_VISIBLE_DEVICES")
    if told is None:
        return there
    return min(there, len([name for name in told.split(",") if name.strip() not in ("", "-1")]))


def _can_use_gpus(model_dir: Path) -> bool:
    """Whether the model is of a kind that one process a GPU serves; XGBoost's own is not."""
    return any((model_dir / name).is_file() for name in ("model.onnx", *TORCH_FILES))
