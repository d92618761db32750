"""The PyTorch training image: `make test-images TORCH="--find-links <folder of wheels>"`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.torch_job import TorchJob

from ops.build_images import Built
from tests.images.conftest import Start

pytestmark = [pytest.mark.images, pytest.mark.torch, pytest.mark.timeout(1800)]


def test_the_torch_trainer_trains_a_table_in_its_image(
    tmp_path: Path, image: Callable[..., Built], start: Start
) -> None:
    """On a CPU, with PyTorch's CPU build, which is not on PyPI: TORCH tells pip where it is."""
    where = os.environ["LOCAL_AWS_ENGINE_TORCH"]
    folder = where.partition("--find-links ")[2].split(" ")[0]
    options = ["--build-arg", "VARIANT=cpu", "--build-arg", f"PIP_OPTIONS={where}"]
    mounted = ["--volume", f"{folder}:{folder}:ro"] if folder.startswith("/") else []
    job = TorchJob(tmp_path / "ml").data("binary").set(epochs="3")
    built = image("torch_trainer", *options, *mounted)
    container = start(built, "train", mounts=[(job.base, "/opt/ml", False)], mine=True)
    assert container.ended() == 0, container.log()
    assert "metric test:auc=" in container.log()
    assert {"model.onnx", "schema.json"} <= {path.name for path in job.model.iterdir()}
