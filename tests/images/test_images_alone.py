"""The trainer by itself, run as SageMaker runs it, and what every image says of itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.training_job import ROOT, TrainingJob

from ops import sbom
from ops.build_images import Built, containers
from sagemaker_workflow.build_context import BuildContext
from tests.images.conftest import Start

pytestmark = [pytest.mark.images, pytest.mark.timeout(1200)]
Build = Callable[..., Built]


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


def test_the_trainer_trains_and_the_server_answers_with_what_it_made(
    model: Path, image: Build, start: Start
) -> None:
    assert (model / "model.onnx").is_file()
    container = start(
        image("inference_server"), "serve", mounts=[(model, "/opt/ml/model", True)]
    ).ready()
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
