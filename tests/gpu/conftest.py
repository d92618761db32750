"""What a test on a GPU needs; without it these tests fail, for they are run when asked for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.training_job import ROOT

DEVICES = Path(os.environ.get("DEVICES") or "/dev")
PYTHON = ROOT / ".venvs/inference_server_gpu/bin/python"


@pytest.fixture(scope="session")
def gpus() -> int:
    """How many GPUs there are."""
    found = len(list(DEVICES.glob("nvidia[0-9]*")))
    if not found:
        pytest.fail(f"there is no NVIDIA GPU in {DEVICES}: run make test-gpu where there is one")
    return found


@pytest.fixture(scope="session")
def gpu_python(gpus: int) -> Path:
    """The interpreter of what the GPU image installs."""
    if not PYTHON.exists():
        pytest.fail(f"there is no {PYTHON.relative_to(ROOT)}: make test-gpu makes it")
    return PYTHON


@pytest.fixture(scope="session")
def vllm_program(gpus: int) -> Path:
    """vLLM's own server program, beside the interpreter that it is installed for."""
    name = os.environ.get("VLLM_EXECUTABLE") or "vllm"
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"there is no program {name!r}: make test-gpu VLLM=/where/it/is/bin/vllm")
    return Path(found).absolute()
