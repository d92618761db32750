"""Each image by itself, run as SageMaker runs it: its contract, its user, its health, its end."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support.training_job import ROOT, TrainingJob

from ops import sbom
from ops.build_images import Built, containers
from sagemaker_workflow.build_context import BuildContext
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


@pytest.fixture
def open_folder() -> Any:
    """A folder that every user may read; pytest's own are closed to others."""
    with TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def trained(job: TrainingJob, build: Build, start: Start) -> tuple[int, str]:
    """Exit code and log of the trainer's container on this `/opt/ml`."""
    mounts = [(job.base, "/opt/ml", False)]
    container = start(build("trainer"), "train", mounts=mounts, mine=True)
    return container.ended(), container.log()


@pytest.fixture
def model(open_folder: Path, image: Build, start: Start) -> Path:
    """A model that the trainer's image made."""
    job = TrainingJob(open_folder / "ml").data("binary").hyperparameters()
    code, log = trained(job, image, start)
    assert code == 0, log
    return job.model


def served(folder: Path) -> list[tuple[Path, str, bool]]:
    return [(folder, "/opt/ml/model", True)]


def test_the_trainer_trains_and_the_server_answers_with_what_it_made(
    model: Path, image: Build, start: Start
) -> None:
    assert (model / "model.onnx").is_file()
    container = start(image("inference_server"), "serve", mounts=served(model)).ready()
    answer = json.loads(container.ask("/invocations", b"1,900,7,0\n"))
    assert answer["predictions"][0]["label"] in ("no", "yes")


def test_a_job_that_cannot_be_done_ends_with_1_and_one_sentence(
    tmp_path: Path, image: Build, start: Start
) -> None:
    """Contracts 1.2 and 1.5: the first 1024 characters of the file become FailureReason."""
    job = TrainingJob(tmp_path / "ml").data("binary").hyperparameters(max_dept="3")
    code, log = trained(job, image, start)
    assert code == 1, log
    sentence = (job.base / "output" / "failure").read_text()
    assert sentence == "hyperparameters: max_dept is unknown, did you mean max_depth?"


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


@pytest.mark.parametrize("name", [one for one in containers() if one != "torch_trainer"])
def test_an_image_says_what_it_was_built_from(name: str, engine: str, image: Build) -> None:
    built = image(name)
    command = [engine, "image", "inspect", "--format", "{{json .Config.Labels}}", built.tag]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    labels = json.loads(told)
    context = BuildContext.read(ROOT / "containers" / name)
    assert labels["org.opencontainers.image.revision"] == context.hash
    assert labels["org.opencontainers.image.title"] == name
    assert labels["org.opencontainers.image.base.digest"].startswith(("sha256:", "unresolved"))


def test_every_bill_of_materials_is_valid_by_cyclonedxs_schema(tmp_path: Path) -> None:
    assert len(sbom.write(tmp_path)) == len(sbom.locks())


def script(folder: Path) -> Path:
    """A model folder whose script sleeps as long as it is asked to."""
    code = folder / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(SLOW)
    return folder / "model"
