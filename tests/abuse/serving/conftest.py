"""What these tests share: a model, and servers on it that read Parquet too."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.inference_server import Running, make_model, running
from support.training_job import ROOT


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a category, numbers and a boolean."""
    return make_model(tmp_path_factory.mktemp("abused"))


@pytest.fixture(scope="session")
def path_with_parquet(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The server's code and Parquet's reader, of all that the developer's environment has."""
    folder = tmp_path_factory.mktemp("reader")
    (packages,) = (ROOT / ".venv" / "lib").glob("python3*/site-packages")
    (folder / "arro3").symlink_to(packages / "arro3")
    return f"{ROOT / 'containers'}:{folder}"


@pytest.fixture(scope="module")
def server(model: Path, path_with_parquet: str) -> Iterator[Running]:
    """One server, limited to bodies of 1 MB."""
    with running(model, SAGEMAKER_MAX_PAYLOAD_IN_MB="1", PYTHONPATH=path_with_parquet) as one:
        yield one


@pytest.fixture(scope="module")
def many(
    model: Path, path_with_parquet: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A multi-model server (contracts 2.4): only `good` loads; `loop` is a link to itself."""
    base = tmp_path_factory.mktemp("many")
    models = base / "models"
    shutil.copytree(model / "model", models / "good" / "model")
    (models / "broken" / "model").mkdir(parents=True)
    (models / "broken" / "model" / "model.onnx").write_bytes(b"no model")
    (models / "inside" / "model").mkdir(parents=True)
    (models / "inside" / "model" / "link").symlink_to("link")
    (models / "loop").symlink_to("loop")
    (models / "odd" / "model").mkdir(parents=True)
    with suppress(OSError):  # where every name of a file is text
        (models / "odd" / "model" / "\udcff").symlink_to("/etc/passwd")
    with running(
        base,
        SAGEMAKER_MULTI_MODEL="true",
        SAGEMAKER_MAX_PAYLOAD_IN_MB="1",
        INFERENCE_MODELS_MEMORY_MB="300",
        PYTHONPATH=path_with_parquet,
    ) as one:
        yield one
