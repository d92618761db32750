"""One worker a GPU, and a GPU that was asked for or nothing; with fake devices and providers."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.inference_server import PYTHON, make_model, running
from support.ports import free_port
from support.training_job import ROOT, environment

from inference_server import settings as settings_module
from inference_server.settings import Settings, read_settings

FAKE = ROOT / "tests/support/fake_onnxruntime"
CUDA, TENSORRT, CPU = (f"{name}ExecutionProvider" for name in ("CUDA", "Tensorrt", "CPU"))
BUILT = f"{TENSORRT},{CUDA}"
Read = Callable[..., Settings]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """The settings of a container on 8 CPUs with some GPUs and a model file."""

    def of(gpus: int, file: str = "model.onnx", **environment: str) -> Settings:
        devices = tmp_path / "dev"
        devices.mkdir()
        # As the driver makes them: what is no number is no GPU.
        for name in (*(f"nvidia{i}" for i in range(gpus)), "nvidiactl", "nvidia-uvm"):
            (devices / name).touch()
        monkeypatch.setattr(settings_module, "DEVICES", devices)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
        base = tmp_path / "ml"
        (base / "model").mkdir(parents=True)
        (base / "model" / file).touch()
        monkeypatch.setattr(settings_module, "DEFAULT_BASE_DIR", str(base))
        return read_settings(environment)

    return of


@pytest.mark.parametrize(
    ("gpus", "file", "environment", "workers", "threads", "providers"),
    [
        (0, "model.onnx", {}, 8, 1, ("cpu",)),
        (4, "model.onnx", {}, 4, 2, ("cuda",)),
        (4, "model.pt2", {}, 4, 2, ("cuda",)),
        (4, "model.safetensors", {}, 4, 2, ("cuda",)),
        (4, "model.ubj", {}, 8, 1, ("cuda",)),  # XGBoost's own runs on the CPU
        (4, "model.onnx", {"INFERENCE_PROVIDERS": "cpu"}, 8, 1, ("cpu",)),
        (4, "model.pt2", {"INFERENCE_PROVIDERS": "cpu"}, 8, 1, ("cpu",)),
        (2, "model.onnx", {"INFERENCE_PROVIDERS": "tensorrt, CUDA"}, 2, 4, ("tensorrt", "cuda")),
        (4, "model.onnx", {"INFERENCE_VARIANT": "cpu"}, 8, 1, ("cpu",)),
        (4, "model.onnx", {"INFERENCE_VARIANT": "gpu"}, 4, 2, ("cuda",)),
        (4, "model.onnx", {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}, 1, 2, ("cuda",)),
        (4, "model.onnx", {"CUDA_VISIBLE_DEVICES": "2,3"}, 2, 4, ("cuda",)),
        (4, "model.onnx", {"CUDA_VISIBLE_DEVICES": ""}, 8, 1, ("cpu",)),
        (4, "model.onnx", {"SAGEMAKER_MULTI_MODEL": "true"}, 1, 8, ("cuda",)),
    ],
)
def test_one_worker_a_gpu_or_a_cpu(
    read: Read,
    gpus: int,
    file: str,
    environment: Mapping[str, str],
    workers: int,
    threads: int,
    providers: tuple[str, ...],
) -> None:
    found = read(gpus, file, **environment)
    assert (found.workers, found.threads, found.providers) == (workers, threads, providers)


def test_on_somebodys_own_machine_a_gpu_may_serve_and_need_not(read: Read, tmp_path: Path) -> None:
    found = read(1, SAGEMAKER_BASE_DIR=str(tmp_path))
    assert (found.providers, found.workers) == (("cuda", "cpu"), 1)


@pytest.fixture
def words(tmp_path: Path) -> dict[str, str]:
    """The environment of a server on two GPUs with the fake ONNX Runtime."""
    make_model(tmp_path, schema=False)
    (tmp_path / "dev").mkdir()
    for name in ("nvidia0", "nvidia1"):
        (tmp_path / "dev" / name).touch()
    # Before the server's own code is imported, as the interpreter starts.
    (tmp_path / "sitecustomize.py").write_text(
        "import pathlib, inference_server.settings as s\n"
        f"s.DEVICES = pathlib.Path({str(tmp_path / 'dev')!r})\n"
    )
    return {
        "PYTHONPATH": f"{FAKE}:{tmp_path}:{ROOT / 'containers'}",
        "FAKE_BUILT": BUILT,
        "FAKE_SEEN": str(tmp_path / "seen"),
    }


def sessions(base: Path) -> list[Any]:
    """The providers of each session that was made."""
    return [json.loads(line) for line in (base / "seen").read_text().splitlines()]


def said(base: Path, level: str) -> list[str]:
    lines = [json.loads(line) for line in (base / "log").read_text().splitlines()]
    return [line["message"] for line in lines if line["level"] == level]


def refusal(base: Path, **words: str) -> str:
    """What a server that does not start says, with its one line."""
    done = subprocess.run(
        [PYTHON, "-m", "inference_server", "serve"],
        env=environment(base, **{"SAGEMAKER_BIND_TO_PORT": str(free_port()), **words}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr.strip()


def test_each_worker_has_a_gpu_of_its_own(tmp_path: Path, words: dict[str, str]) -> None:
    with running(tmp_path, **words, FAKE_ABLE=BUILT, INFERENCE_PROVIDERS="tensorrt,cuda") as server:
        assert server.invoke(b"1,2,3,4").startswith(b"HTTP/1.1 200")
        while len(server.workers()) != 2 or len(sessions(tmp_path)) != 2:
            time.sleep(0.02)
    found = sorted(one[0][1]["device_id"] for one in sessions(tmp_path))
    assert found == ["0", "1"]
    for one in sessions(tmp_path):
        assert [name if isinstance(name, str) else name[0] for name in one] == [
            TENSORRT,
            CUDA,
            CPU,
        ]
    assert not said(tmp_path, "ERROR")


def test_cuda_serves_where_tensorrt_is_asked_for_and_missing_and_says_so(
    tmp_path: Path, words: dict[str, str]
) -> None:
    words |= {"FAKE_ABLE": CUDA, "INFERENCE_PROVIDERS": "tensorrt,cuda"}
    with running(tmp_path, **words, SAGEMAKER_MODEL_SERVER_WORKERS="1"):
        pass
    assert sessions(tmp_path)[0] == [[CUDA, {"device_id": "0"}], CPU]
    assert said(tmp_path, "ERROR") == [
        "asked for and cannot be used, cuda serves instead; tensorrt: Please install TensorRT"
        " libraries"
    ]


def test_a_model_whose_nodes_all_run_on_the_cpu_is_said_aloud(
    tmp_path: Path, words: dict[str, str]
) -> None:
    words |= {"FAKE_ABLE": CUDA, "FAKE_NODES": CPU, "INFERENCE_PROVIDERS": "cuda"}
    with running(tmp_path, **words, SAGEMAKER_MODEL_SERVER_WORKERS="1"):
        pass
    (warning,) = said(tmp_path, "WARNING")
    assert warning.startswith("cuda is there and runs no part of this model")


def test_gpus_that_nothing_uses_are_said_aloud(tmp_path: Path, words: dict[str, str]) -> None:
    with running(tmp_path, **words, INFERENCE_VARIANT="cpu"):
        pass
    assert said(tmp_path, "WARNING") == ["there are GPUs and the CPU serves"]


@pytest.mark.parametrize(
    ("built", "asked", "sentence"),
    [
        (BUILT, "cuda", "model.onnx cannot run on cuda (cuda: Failed to load libcublasLt.so.13: "
         "cannot open shared object file); give the image and the instance what is missing, or "
         "allow the CPU with INFERENCE_PROVIDERS=cuda,cpu"),
        ("", "cuda", "model.onnx cannot run on cuda (cuda: this image's ONNX Runtime has none; "
         "build it with --build-arg VARIANT=gpu); give"),
        (BUILT, "tensorrt,cuda", "model.onnx cannot run on tensorrt or cuda (tensorrt: Please "
         "install TensorRT libraries; cuda: Failed to load libcublasLt.so.13"),
        (BUILT, "tensorrt", "model.onnx cannot run on tensorrt (tensorrt: Please install"),
    ],
)  # fmt: skip
def test_refuses_to_serve_on_the_cpu_what_was_to_run_on_a_gpu(
    tmp_path: Path, words: dict[str, str], built: str, asked: str, sentence: str
) -> None:
    found = refusal(tmp_path, **words | {"FAKE_BUILT": built, "INFERENCE_PROVIDERS": asked})
    assert found.startswith(f"inference_server: {sentence}"), found


def test_the_cpu_serves_where_the_setting_allows_it(tmp_path: Path, words: dict[str, str]) -> None:
    words |= {"INFERENCE_PROVIDERS": "tensorrt,cuda,cpu"}
    with running(tmp_path, **words, SAGEMAKER_MODEL_SERVER_WORKERS="1") as server:
        assert server.invoke(b"1,2,3,4").startswith(b"HTTP/1.1 200")
    assert sessions(tmp_path)[-1] == [CPU]
    assert [line.partition(";")[0] for line in said(tmp_path, "ERROR")] == [
        "asked for and cannot be used, cpu serves instead"
    ] * 2
