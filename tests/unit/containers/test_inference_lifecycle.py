"""Starting, being healthy, draining and refusing to serve a broken model."""

import hashlib
import io
import json
import os
import pickle
import shutil
import signal
import threading
import time
import zipfile

import pytest

SLOW_MODEL = """
import time
from pathlib import Path
HERE = Path(__file__).parents[2]
def wait_for(step):
    (HERE / f"{step} began").touch()
    while (HERE / f"{step} waits").exists():
        time.sleep(0.02)
def model_fn(model_dir):
    wait_for("load")
    return "model"
def predict_fn(data, model):
    wait_for("predict")
    return data
"""


@pytest.fixture
def base(tmp_path):
    (tmp_path / "model" / "code").mkdir(parents=True)
    return tmp_path


def script(base, text):
    (base / "model" / "code" / "inference.py").write_text(text)
    return base


def slow(base, step):
    """A model whose `load` or `predict` takes as long as the file that this returns is there."""
    script(base, SLOW_MODEL)
    waits = base / f"{step} waits"
    waits.touch()
    return waits


def ended(server):
    """The exit code and what was said."""
    server.process.wait(timeout=60)
    return server.process.returncode, server.log()


def test_ping_is_503_until_the_model_is_loaded_then_200_with_an_empty_body(serve, base):
    loading = slow(base, "load")
    server = serve(base, wait=False)
    seen = []
    while not seen or seen[-1] != 200:
        seen.append(server.ping())
        if seen[-1] == 503:
            loading.unlink(missing_ok=True)
        time.sleep(0.05)
    assert set(seen) <= {None, 503, 200}
    assert 503 in seen
    assert server.request("GET", "/ping").body == b""


def test_an_invocation_before_the_model_is_loaded_is_told_so(serve, base):
    slow(base, "load")
    server = serve(base, wait=False)
    while server.ping() is None:
        time.sleep(0.02)
    answer = server.invoke("1,2")
    assert (answer.status, answer.error) == (503, "the model is still loading")


def test_sigterm_lets_the_request_in_flight_finish_and_exits_0(serve, base):
    predicting = slow(base, "predict")
    server = serve(base)
    answers = []
    client = threading.Thread(
        target=lambda: answers.append(server.invoke("[1, 2]", "application/json"))
    )
    client.start()
    while not (base / "predict began").exists():
        time.sleep(0.02)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)  # so that it is asked to end before the answer is there
    predicting.unlink()
    client.join()
    assert (answers[0].status, answers[0].json()) == (200, [1, 2])
    assert server.process.wait(timeout=60) == 0


def test_sigterm_while_the_model_loads_ends_at_once(serve, base):
    slow(base, "load")
    server = serve(base, wait=False)
    while server.ping() is None:
        time.sleep(0.02)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0


def test_logs_one_json_object_a_line(serve, trained):
    server = serve(trained("binary").base)
    server.invoke("UA,1,2,1", **{"X_Amzn_SageMaker_Inference_Id": "abc"})
    server.invoke("UA,1")
    lines = [json.loads(line) for line in server.log().splitlines()]
    assert [line["message"] for line in lines] == ["ready", "invocation", "invocation", "stopped"]
    assert lines[1]["status"] == 200
    assert lines[1]["rows"] == 1
    assert lines[1]["inference_id"] == "abc"
    assert lines[2]["level"] == "WARNING"


def test_keeps_nothing_about_the_model_to_tell_its_librarys_makers(serve, trained, tmp_path):
    (tmp_path / "home").mkdir()
    server = serve(trained("binary").base, HOME=str(tmp_path / "home"))
    assert server.invoke("UA,1,2,1").status == 200
    assert not list((tmp_path / "home").rglob("*"))


def test_leaves_the_model_folder_as_it_was(serve, trained, base):
    shutil.copytree(trained("binary").model, base / "model", dirs_exist_ok=True)
    script(base, "def model_fn(d): return 1\ndef predict_fn(data, model): return data\n")
    before = sorted(path.relative_to(base) for path in base.rglob("*"))
    server = serve(base)
    server.invoke("[1]", "application/json")
    assert sorted(path.relative_to(base) for path in base.rglob("*")) == before


def model_with(**files):
    def write(folder, good):
        for name, content in files.items():
            path = folder / name.replace("__", ".")
            path.write_bytes(
                content if isinstance(content, bytes) else (good / content).read_bytes()
            )

    return write


def other_schema(change):
    def write(folder, good):
        schema = json.loads((good / "schema.json").read_text())
        change(schema)
        (folder / "schema.json").write_text(json.dumps(schema))
        shutil.copy(good / "model.onnx", folder)

    return write


def zipped(name):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, b"x")
    return content.getvalue()


ZIPPED = zipped("model/data.pkl")
BROKEN = {
    "no files": (
        model_with(),
        "nothing to serve in the model folder, found: no files; needed: model.onnx",
    ),
    "other files": (model_with(weights__bin=b"x"), "found: weights.bin"),
    "a pickle": (model_with(model__pkl=b"x"), "model.pkl is a pickle, which can run any code"),
    "joblib": (
        model_with(model__joblib=b"x"),
        "save the model as ONNX instead (PyTorch: safetensors)",
    ),
    "a joblib file that is called otherwise": (
        model_with(weights__bin=b"\x80\x04K\x01."),
        "weights.bin is a pickle",
    ),
    "what torch.save writes": (model_with(model__pth=ZIPPED), "model.pth is a pickle"),
    "a folder too deep": (
        lambda folder, good: shutil.copytree(good, folder / "model"),
        "model/model.onnx is one folder too deep: the archive must hold model.onnx at its top",
    ),
    "a link that leads out": (
        lambda folder, good: (folder / "model.onnx").symlink_to(good / "model.onnx"),
        "model.onnx is a link to a place outside the model folder",
    ),
    "a link to itself": (
        lambda folder, good: (folder / "loop").symlink_to("loop"),
        "loop is neither a file nor a folder",
    ),
    "a pipe": (
        lambda folder, good: os.mkfifo(folder / "weights"),
        "weights is neither a file nor a folder",
    ),
    "an empty model": (model_with(model__onnx=b""), "model.onnx cannot be loaded"),
    "bytes that are no model": (
        model_with(model__onnx=b"\x00garbage"),
        "model.onnx cannot be loaded",
    ),
    "a schema that is not json": (
        model_with(model__onnx="model.onnx", schema__json=b"{"),
        "schema.json cannot be used",
    ),
    "a schema with fewer columns": (
        other_schema(lambda schema: schema["features"].pop()),
        "model.onnx takes 4 columns, schema.json names 3",
    ),
    "a schema with other classes": (
        other_schema(lambda schema: schema["target"].update(classes=["a", "b", "c"])),
        "2 probabilities, schema.json names 3 classes",
    ),
    "a schema with an unknown type": (
        other_schema(lambda schema: schema["features"][0].update(type="date")),
        "feature carrier has the unknown type 'date'",
    ),
    "a schema with a text": (
        other_schema(lambda schema: schema["features"][0].update(type="text")),
        "schema.json has the column carrier of type text, which only a PyTorch model with "
        "tokenizer.json reads",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_refuses_to_serve(serve, trained, base, fault):
    write, sentence = BROKEN[fault]
    (base / "model" / "code").rmdir()
    write(base / "model", trained("binary").model)
    code, log = ended(serve(base, wait=False))
    assert code == 1
    assert sentence in log
    assert "Traceback" not in log


PICKLE_SCRIPT = """
import pickle
def model_fn(model_dir):
    with open(model_dir + "/model.pkl", "rb") as file:
        return pickle.load(file)
def predict_fn(data, model): return model
"""


def test_refuses_a_pickle_beside_a_script_before_any_of_its_code_runs(serve, base, tmp_path):
    canary = tmp_path / "canary"
    evil = b"cposix\nsystem\n(S'touch %b'\ntR." % str(canary).encode()
    (base / "model" / "model.pkl").write_bytes(evil)
    code, log = ended(serve(script(base, PICKLE_SCRIPT), wait=False))
    assert code == 1
    assert "model.pkl is a pickle" in log
    assert f"INFERENCE_TRUSTED_PICKLES={hashlib.sha256(evil).hexdigest()}" in log
    assert not canary.exists()


def test_lets_a_script_load_the_pickle_whose_digest_is_named_and_no_other(serve, base):
    content = pickle.dumps("trusted")
    (base / "model" / "model.pkl").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    server = serve(script(base, PICKLE_SCRIPT), INFERENCE_TRUSTED_PICKLES=f"{'0' * 64},{digest}")
    assert server.invoke("[1]", "application/json").json() == "trusted"
    code, log = ended(serve(base, wait=False, INFERENCE_TRUSTED_PICKLES="0" * 64))
    assert (code, "model.pkl is a pickle" in log) == (1, True)


def test_refuses_settings_it_cannot_use_all_at_once(serve, base):
    server = serve(base, wait=False, SAGEMAKER_MAX_PAYLOAD_IN_MB="lots", INFERENCE_THREADS="-1")
    code, log = ended(server)
    assert code == 2
    assert "SAGEMAKER_MAX_PAYLOAD_IN_MB is 'lots', allowed: a whole number" in log
    assert "INFERENCE_THREADS is '-1'" in log


def test_says_when_the_port_is_taken(serve, trained, servers):
    port = servers("binary").port
    server = serve(trained("binary").base, wait=False, SAGEMAKER_BIND_TO_PORT=str(port))
    code, log = ended(server)
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in log


def test_serves_a_model_without_a_schema_as_plain_numbers(serve, trained, base):
    (base / "model" / "code").rmdir()
    shutil.copy(trained("multiclass").model / "model.onnx", base / "model")
    server = serve(base)
    (prediction,) = server.invoke("2,900,3,1", Accept="application/json").json()["predictions"]
    assert prediction["label"] == "2"
    assert list(prediction["probabilities"]) == ["0", "1", "2"]
    assert server.invoke('{"instances": [[2, 900, 3, 1]]}', "application/json").status == 200
    assert "column f0: 'UA' is not allowed" in server.invoke("UA,900,3,1").error
