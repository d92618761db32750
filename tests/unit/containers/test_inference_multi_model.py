"""One server, many models: the contract of contracts 2.4."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from support.inference_server import PYTHON
from support.training_job import ROOT

JSON = "application/json"
SCRIPT = """
import helper
def model_fn(model_dir): return helper.NAME
def predict_fn(data, model): return model
"""


@pytest.fixture
def models(serve, trained, tmp_path):
    """A server with no model, and a way to put models where SageMaker does."""
    (tmp_path / "models").mkdir()

    def start(**extra):
        return serve(tmp_path, SAGEMAKER_MULTI_MODEL="true", **extra)

    start.base = tmp_path
    start.onnx = lambda name: put(tmp_path, name, trained("binary").model)
    return start


def put(base, name, source):
    folder = base / "models" / name / "model"
    shutil.copytree(source, folder)
    return folder


def script(base, name, said):
    code = base / "models" / name / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(SCRIPT)
    (code / "helper.py").write_text(f"NAME = {said!r}\n")
    return code.parent


def load(server, name, folder):
    body = json.dumps({"model_name": name, "url": str(folder)}).encode()
    return server.request("POST", "/models", body, Content_Type=JSON)


def ask(server, name, body="UA,1,2,1", content_type="text/csv"):
    return server.request(
        "POST", f"/models/{name}/invoke", body.encode(), Content_Type=content_type
    )


def test_is_healthy_with_no_model_and_tells_where_to_ask(models):
    server = models()
    assert server.ping() == 200
    assert server.request("GET", "/models").json() == {"models": []}
    answer = server.invoke("1,2")
    assert answer.status == 404
    assert answer.error == "this server holds many models; POST /models/{name}/invoke"


def test_loads_lists_describes_asks_and_unloads(models):
    server = models()
    folder = models.onnx("a")
    described = {"modelName": "a", "modelUrl": str(folder)}
    assert load(server, "a", folder).json() == described
    assert server.request("GET", "/models").json() == {"models": [described]}
    assert server.request("GET", "/models/a").json() == described
    assert len(ask(server, "a").json()["predictions"]) == 1
    assert server.request("DELETE", "/models/a").status == 200
    for answer in (
        ask(server, "a"),
        server.request("GET", "/models/a"),
        server.request("DELETE", "/models/a"),
    ):
        assert (answer.status, answer.error) == (404, "the model 'a' is not loaded")


def test_refuses_a_compressed_body_as_the_server_of_one_model_does(models):
    server = models()
    load(server, "one", models.onnx("one"))
    for encoding, status in (("gzip", 415), ("identity", 200)):
        answer = server.request(
            "POST",
            "/models/one/invoke",
            b"UA,1,2,1",
            Content_Type="text/csv",
            Content_Encoding=encoding,
        )
        assert answer.status == status
    assert ask(server, "one").status == 200


def test_a_model_that_is_loaded_is_a_409(models):
    server = models()
    folder = models.onnx("a")
    assert load(server, "a", folder).status == 200
    answer = load(server, "a", folder)
    assert (answer.status, answer.error) == (409, "the model 'a' is loaded already")


def test_a_model_for_which_there_is_no_memory_is_a_507(models):
    server = models(INFERENCE_MODELS_MEMORY_MB="10")
    answer = load(server, "a", models.onnx("a"))
    assert answer.status == 507
    assert answer.error == ("there is no memory for the model 'a': all models may take 10 MB")
    assert server.request("GET", "/models").json() == {"models": []}


def test_names_may_hold_anything(models):
    server = models()
    name = "a/b c?%41"
    assert load(server, name, models.onnx("x")).status == 200
    assert ask(server, "a%2Fb%20c%3F%2541").status == 200


def test_scripts_of_several_models_do_not_see_one_anothers_helpers(models):
    server = models()
    for name in ("one", "two"):
        assert load(server, name, script(models.base, name, f"I am {name}")).status == 200
    for name in ("one", "two"):
        assert ask(server, name, "[1]", JSON).json() == f"I am {name}"


def test_many_models_come_in_pages(models):
    server = models()
    folder = script(models.base, "one", "x")
    for number in range(103):
        assert load(server, f"m{number:03}", folder).status == 200
    first = server.request("GET", "/models").json()
    rest = server.request("GET", f"/models?next_page_token={first['nextPageToken']}").json()
    names = [one["modelName"] for page in (first, rest) for one in page["models"]]
    assert names == [f"m{number:03}" for number in range(103)]
    assert "nextPageToken" not in rest


REFUSED = {
    "no json": (b"{", "the body must be a JSON object like"),
    "no url": (b'{"model_name": "a"}', "the body must be a JSON object like"),
    "a folder elsewhere": (b'{"model_name": "a", "url": "/etc"}', "url is '/etc', allowed:"),
    "a way out": (b'{"model_name": "a", "url": "BASE/models/../.."}', "allowed: a model's folder"),
    "an empty folder": (b'{"model_name": "a", "url": "BASE/models"}', "nothing to serve"),
    "a NUL": (b'{"model_name": "a", "url": "BASE/models/\\u0000"}', "allowed: a model's folder"),
    "a name too long for a file": (
        b'{"model_name": "a", "url": "BASE/models/' + b"a" * 300 + b'"}',
        "allowed: a model's folder",
    ),
    "a path too long": (
        b'{"model_name": "a", "url": "BASE/models' + b"/a" * 5000 + b'"}',
        "allowed: a model's folder",
    ),
    "a link to itself": (
        b'{"model_name": "a", "url": "BASE/models/loop"}',
        "allowed: a model's folder",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_refuses_to_load(models, fault):
    body, sentence = REFUSED[fault]
    server = models()
    if fault == "a link to itself":
        (models.base / "models" / "loop").symlink_to("loop")
    body = body.replace(b"BASE", str(models.base).encode())
    answer = server.request("POST", "/models", body, Content_Type=JSON)
    assert answer.status == 400
    assert sentence in answer.error
    assert server.ping() == 200


def test_a_pickle_in_one_model_is_refused_and_the_others_serve_on(models):
    server = models()
    assert load(server, "good", models.onnx("good")).status == 200
    bad = models.onnx("bad")
    (bad / "model.pkl").write_bytes(b"\x80\x04K\x01.")
    answer = load(server, "bad", bad)
    assert answer.status == 400
    assert "model.pkl is a pickle" in answer.error
    assert ask(server, "good").status == 200


def test_a_link_to_itself_in_a_model_is_refused_with_a_sentence(models):
    server = models()
    folder = models.onnx("bad")
    (folder / "loop").symlink_to("loop")
    answer = load(server, "bad", folder)
    assert answer.status == 400
    assert "loop is neither a file nor a folder" in answer.error
    assert "Traceback" not in server.log()


def test_a_model_that_ends_the_process_as_it_loads_is_refused(models):
    server = models()
    folder = script(models.base, "a", "x")
    (folder / "code" / "helper.py").write_text("raise SystemExit('no licence')")
    answer = load(server, "a", folder)
    assert answer.status == 400
    assert "inference.py cannot be imported: SystemExit: no licence" in answer.error
    (folder / "code" / "helper.py").write_text("NAME = 'here'")
    assert load(server, "a", folder).status == 200


def test_the_name_of_a_model_may_be_long(models):
    server = models()
    assert load(server, "a" * 300, models.onnx("a")).status == 200
    assert ask(server, "a" * 300).status == 200


def test_the_models_are_there_again_after_the_process_was_killed(models):
    server = models()
    assert load(server, "a", models.onnx("a")).status == 200
    os.kill(server.worker(), signal.SIGKILL)
    deadline = time.monotonic() + 60
    seen = set()
    while 200 not in seen:
        assert time.monotonic() < deadline
        try:
            seen.add(ask(server, "a").status)
        except OSError:
            continue
    assert 404 not in seen


REMEMBERS = """
import os, tempfile
from pathlib import Path
from inference_server.many import Models
models = object.__new__(Models)
with tempfile.TemporaryFile() as file:
    models._remembered, models._loaded = file.fileno(), {}
    def seen(call):
        def called(*words):
            found = call(*words)
            print(*models._known())
            return found
        return called
    os.pwrite, os.ftruncate = seen(os.pwrite), seen(os.ftruncate)
    for names in ("a", "ab", "b"):
        models._loaded = {name: (Path(name * 9), None) for name in names}
        models._remember()
"""


def test_at_no_moment_is_it_forgotten_which_models_are_there():
    """The process may be killed after any step: whoever takes over reads what is written then."""
    done = subprocess.run(
        [PYTHON, "-c", REMEMBERS],
        env={"PYTHONPATH": str(ROOT / "containers")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == ["a", "a", "a b", "a b", "b", "b"]
