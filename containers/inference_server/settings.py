"""The environment variables this server reads, checked once at the start."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_BASE_DIR = "/opt/ml"
# The real-time payload limit; batch transform sets SAGEMAKER_MAX_PAYLOAD_IN_MB when it differs.
DEFAULT_MAX_PAYLOAD_MB = 25


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
        threads=number("INFERENCE_THREADS", 1, 1, 1024),
        log_level=number("SAGEMAKER_CONTAINER_LOG_LEVEL", 20, 0, 50),
        script=values.get("SAGEMAKER_PROGRAM") or "inference.py",
        script_dir=Path(submit) if Path(submit).is_absolute() else model_dir / "code",
        # Somebody's own machine has other things to do than to be a server.
        workers=number(
            "SAGEMAKER_MODEL_SERVER_WORKERS",
            1 if relocated else len(os.sched_getaffinity(0)),
            1,
            256,
        ),
        max_batch=number("INFERENCE_MAX_BATCH", 64, 1, 4096),
        max_connections=number("INFERENCE_MAX_CONNECTIONS", 1000, 1, 100_000),
        timeout_seconds=number(timeout, 60, 1, 3600),
        metrics_namespace=values.get("INFERENCE_METRICS_NAMESPACE") or None,
        trusted_pickles=frozenset(digests),
    )
    if faults:
        raise ValueError("; ".join(faults))
    return settings
