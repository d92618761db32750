"""Models in other formats than ONNX, and what is said where their library is not installed."""

import hashlib
import json
import shutil
import subprocess

import pytest
from support.training_job import ROOT

ROWS = "UA,900,3,true\nAA,,12,false\n,100.5,,\n"
PACKAGES = "lib/python3*/site-packages"


def packages(environment, *names):
    """The import path of an environment, or of some of its packages."""
    (folder,) = (ROOT / environment).glob(PACKAGES)
    return folder


@pytest.fixture
def xgboost_path():
    """XGBoost is in the trainer's environment; beside the server's own it is a path more."""
    return f"{ROOT / 'containers'}:{packages('.venvs/trainer')}"


def only(trained, problem, base, *names):
    (base / "model").mkdir()
    for name in names:
        shutil.copy(trained(problem).model / name, base / "model")
    return base


def numbers(answer):
    return [list(row.get("probabilities", row).values()) for row in answer.json()["predictions"]]


@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
def test_xgboost_gives_the_answers_that_onnx_gives(
    serve, servers, trained, tmp_path, xgboost_path, problem
):
    base = only(trained, problem, tmp_path, "model.json", "schema.json")
    found = numbers(serve(base, PYTHONPATH=xgboost_path).invoke(ROWS))
    expected = numbers(servers(problem).invoke(ROWS))
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("model.json", "model.json needs XGBoost, which this image does not have; build it with "),
        ("model.ubj", "model.ubj needs XGBoost"),
        ("model.pt2", "model.pt2 needs PyTorch, which this image does not have; build it with "),
        ("model.safetensors", "model.safetensors needs PyTorch"),
    ],
)
def test_says_how_to_build_an_image_with_the_library_a_model_needs(serve, tmp_path, file, sentence):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / file).write_bytes(b"{}")
    server = serve(tmp_path, wait=False)
    assert server.process.wait(timeout=60) == 1
    assert sentence in server.log()


def test_an_accelerator_that_is_not_there_is_said_aloud_and_the_cpu_serves_if_it_may(
    serve, trained
):
    server = serve(trained("binary").base, INFERENCE_PROVIDERS="tensorrt,cuda,cpu")
    assert server.invoke(ROWS).status == 200
    errors = [
        line["message"]
        for line in map(json.loads, server.log().splitlines())
        if line["level"] == "ERROR"
    ]
    why = "this image's ONNX Runtime has none; build it with --build-arg VARIANT=gpu"
    said = "asked for and cannot be used, cpu serves instead"
    assert errors == [f"{said}; tensorrt: {why}", f"{said}; cuda: {why}"]


def test_serves_only_the_files_whose_digest_is_named(serve, trained, tmp_path):
    base = only(trained, "binary", tmp_path, "model.onnx", "schema.json")
    command = [ROOT / ".venvs/inference_server/bin/python", "-m", "inference_server", "digest"]
    said = subprocess.run(
        [*command, base / "model"],
        env={"PYTHONPATH": str(ROOT / "containers")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    lines = [
        f"{hashlib.sha256((base / 'model' / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("model.onnx", "schema.json")
    ]
    assert said == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert serve(base, INFERENCE_MODEL_DIGEST=said).invoke(ROWS).status == 200
    with (base / "model" / "schema.json").open("a") as file:
        file.write(" ")
    server = serve(base, wait=False, INFERENCE_MODEL_DIGEST=said)
    assert server.process.wait(timeout=60) == 1
    assert f"INFERENCE_MODEL_DIGEST says {said}: these are other files" in server.log()
