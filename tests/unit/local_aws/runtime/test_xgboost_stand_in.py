"""AWS's sagemaker-xgboost image, by its stand-in, with a model that XGBoost really trained."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.runtime.containers import ContainerSpec, RuntimeFailure
from local_aws.runtime.hosting import Variant, VariantSpec
from local_aws.runtime.images import REPOSITORY_ROOT

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
TRAIN = """
import sys, numpy as np, xgboost as xgb
rows = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]] * 10)
data = xgb.DMatrix(rows, label=rows[:, 0] * 10)
xgb.train({"base_score": 0.0, "eta": 1.0}, data, 5).save_model(sys.argv[1])
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Y is ten times the first column."""
    path = tmp_path_factory.mktemp("model") / "model.json"
    python = REPOSITORY_ROOT / ".venvs/trainer/bin/python"
    subprocess.run([python, "-c", TRAIN, path], check=True)
    return path.read_bytes()


@pytest.fixture
def serve(aws: Any) -> Iterator[Callable[..., Variant]]:
    made: list[Variant] = []

    def start(program: str | None = None, **files: bytes) -> Variant:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        aws.objects["s3://m/model.tar.gz"] = out.getvalue()
        spec = VariantSpec(
            endpoint_name="managed",
            variant_name="primary",
            container=ContainerSpec(
                image=IMAGE,
                model_data_url="s3://m/model.tar.gz",
                model_data_source=None,
                environment={"SAGEMAKER_PROGRAM": program} if program else {},
                role_arn="arn:aws:iam::222233334444:role/execution",
            ),
            kind="instance",
            instance_type="ml.m5.large",
            count=1,
            memory_mb=None,
            max_concurrency=None,
            startup_timeout_seconds=60,
        )
        made.append(Variant(spec))
        made[-1].start(threading.Event())
        return made[-1]

    yield start
    for one in made:
        one.stop()


CSV = {"Content-Type": "text/csv", "Accept": "text/csv"}


def test_serves_a_json_model_without_a_script(serve: Any, trained: bytes) -> None:
    one = serve(**{"model.json": trained})

    several = one.invoke(b"0,1\n3,0\n", CSV)
    assert [round(float(line)) for line in several.body.decode().split("\n")] == [0, 30]
    single = one.invoke(b"2,1", {**CSV, "Accept": "application/json"})
    assert round(json.loads(single.body)["predictions"][0]["score"]) == 20
    sparse = one.invoke(b"0 0:3 1:0", {"Content-Type": "text/libsvm", "Accept": "text/csv"})
    assert round(float(sparse.body)) == 30
    missing = one.invoke(b",1\n", CSV)
    assert missing.status == 200

    wrong = one.invoke(b"1,2,3\n", CSV)
    assert wrong.status == 400
    assert b"the model does not take these rows" in wrong.body
    assert one.invoke(b"{}", {"Content-Type": "application/json"}).status == 415
    assert one.invoke(b"1,2", {**CSV, "Accept": "image/png"}).status == 406


SCRIPT = b"""
import xgboost

def model_fn(model_dir):
    booster = xgboost.Booster()
    booster.load_model(model_dir + "/xgboost-model")
    return booster

def output_fn(prediction, accept):
    if len(prediction) > 1:
        raise ValueError("one row at a time")
    return f"mine {round(float(prediction[0]))}", "text/plain"
"""


def test_the_users_handlers_take_over_what_they_define(serve: Any, trained: bytes) -> None:
    """Contracts 2.5; `xgboost-model` has no ending, as SageMaker's own algorithm writes it."""
    one = serve("inference.py", **{"xgboost-model": trained, "code/inference.py": SCRIPT})
    answer = one.invoke(b"3,0", CSV)
    assert (answer.body, answer.headers["content-type"]) == (b"mine 30", "text/plain")
    failed = one.invoke(b"3,0\n2,0", CSV)
    assert (failed.status, failed.body) == (500, b"ValueError: one row at a time")


def test_a_script_that_nobody_names_is_not_run(serve: Any, trained: bytes) -> None:
    one = serve(**{"xgboost-model": trained, "code/inference.py": b"raise SystemExit('run')"})
    assert round(float(one.invoke(b"3,0", CSV).body)) == 30


REFUSES = (
    SCRIPT
    + b"""
class Refusal(Exception):
    status_code = 422

def input_fn(data, content_type):
    raise Refusal("no such flight")
"""
)


def test_a_handler_chooses_the_status_of_its_refusal(serve: Any, trained: bytes) -> None:
    one = serve("inference.py", **{"xgboost-model": trained, "code/inference.py": REFUSES})
    refused = one.invoke(b"3,0", CSV)
    assert (refused.status, refused.body) == (422, b"no such flight")


@pytest.mark.parametrize(
    ("program", "script", "reason"),
    [
        ("inference.py", b"def predict_fn(data, model): pass", "defines no model_fn"),
        ("serve.py", SCRIPT, "the archive holds no code/serve.py"),
    ],
)
def test_refuses_a_script_that_cannot_serve(
    serve: Any, trained: bytes, program: str, script: bytes, reason: str
) -> None:
    with pytest.raises(RuntimeFailure, match=reason):
        serve(program, **{"xgboost-model": trained, "code/inference.py": script})


def test_refuses_a_pickle_without_running_it(serve: Any, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    evil = b"\x80\x04cos\nsystem\n(S'touch " + os.fsencode(canary) + b"'\ntR."
    with pytest.raises(RuntimeFailure, match="is a pickle: save the model as XGBoost JSON or UBJ"):
        serve(**{"xgboost-model": evil})
    assert not canary.exists()


def test_refuses_an_archive_without_a_model(serve: Any) -> None:
    with pytest.raises(RuntimeFailure, match="the archive holds no model: expected one of"):
        serve(**{"readme": b"nothing"})
