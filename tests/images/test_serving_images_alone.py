"""The images that serve, each by itself, run as SageMaker runs them; emulated with ARCH=arm64."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.inference_server import make_model
from support.training_job import ROOT

from ops.build_images import Built
from tests.images.conftest import Start

SERVER = 10001  # INFERENCE_USER of the image
STUB = ROOT / "tests" / "support" / "stub_vllm" / "vllm"
SLOW = """
import pathlib, time
def model_fn(model_dir): return pathlib.Path(model_dir)
def input_fn(data, content_type): return float(data)
def predict_fn(seconds, model):
    print("at work", flush=True)
    time.sleep(seconds)
    return seconds
def output_fn(prediction, accept): return str(prediction)
"""
pytestmark = [pytest.mark.images, pytest.mark.timeout(1200)]
Build = Callable[..., Built]


def served(folder: Path) -> list[tuple[Path, str, bool]]:
    return [(folder, "/opt/ml/model", True)]


@pytest.mark.skipif(
    bool(os.environ.get("LOCAL_AWS_ENGINE_PLATFORM")),
    reason="emulated: QEMU 7 crashes when ONNX Runtime's wheel for ARM is imported",
)
def test_the_server_answers_with_an_onnx_model(
    open_folder: Path, image: Build, start: Start
) -> None:
    model = make_model(open_folder / "onnx") / "model"
    container = start(image("inference_server"), "serve", mounts=served(model)).ready()
    answer = json.loads(container.ask("/invocations", b"1,900,7,0\n"))
    assert answer["predictions"][0]["label"] in ("no", "yes")


def test_the_server_is_healthy_by_the_images_own_check_and_not_root(
    open_folder: Path, image: Build, start: Start
) -> None:
    container = start(image("inference_server"), "serve", mounts=served(script(open_folder)))
    container.ready()
    assert container.health() == "healthy"
    assert container.users() == {SERVER}


def test_a_model_that_root_alone_may_read_is_served_by_root_who_says_so(
    open_folder: Path, image: Build, start: Start
) -> None:
    folder = script(open_folder)
    (folder / "code" / "inference.py").chmod(0o600)
    container = start(image("inference_server"), "serve", mounts=served(folder)).ready()
    assert container.users() == {0}
    assert f"serving as root: user {SERVER} may not read /opt/ml/model/code" in container.log()


def test_a_request_that_was_accepted_is_answered_after_sigterm(
    open_folder: Path, image: Build, start: Start, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    """Contracts 2.1: SIGTERM, and SIGKILL 30 seconds later."""
    container = start(image("inference_server"), "serve", mounts=served(script(open_folder)))
    container.ready()
    answers: list[bytes] = []
    asked = threading.Thread(target=lambda: answers.append(container.ask("/invocations", b"2")))
    asked.start()
    eventually(lambda: "at work" in container.log())
    assert container.stop() == 0
    asked.join(timeout=30)
    assert answers == [b"2.0"]


def test_the_vllm_image_becomes_the_server_it_is_built_on(
    open_folder: Path, image: Build, start: Start
) -> None:
    """With a stand-in for vLLM's program, which needs a GPU: what is tested is the image."""
    weights = open_folder / "model"
    weights.mkdir()
    (weights / "config.json").write_text("{}")
    program = open_folder / "vllm"
    program.write_bytes(STUB.read_bytes())
    program.chmod(0o755)
    container = start(
        image("vllm"),
        "serve",
        mounts=[*served(weights), (program, "/usr/local/bin/vllm", True)],
        SM_VLLM_MAX_MODEL_LEN="4096",
    ).ready()
    assert container.health() == "healthy"
    words = json.loads(container.ask("/started-with"))["argv"]
    assert words[:2] == ["serve", "/opt/ml/model"]
    assert words[-2:] == ["--max-model-len", "4096"]
    assert container.stop() == 0


def script(folder: Path) -> Path:
    """A model folder whose script sleeps as long as it is asked to."""
    code = folder / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(SLOW)
    return folder / "model"
