"""A script is called healthy when it has predicted what came with it, and only said so else."""

import io
import json
import time

import numpy as np
import pytest

JSON = "application/json"
NOTHING_PROVEN = "nothing proves that inference.py can predict; put a request that it answers"
DOUBLES = """
def model_fn(model_dir): return 2
def predict_fn(data, model): return model * data
"""
FAILS = """
def model_fn(model_dir): return 2
def predict_fn(data, model): raise KeyError("weights")
"""
WHO_FAILS = """
import os
def model_fn(model_dir): return 2
def predict_fn(data, model): raise KeyError(os.getpid())
"""
STREAMS = """
def model_fn(model_dir): return None
def input_fn(data, content_type): return content_type
def predict_fn(data, model): return data
def output_fn(prediction, accept):
    def pieces():
        yield prediction
        raise OSError("half-way")
    return pieces(), "text/plain"
"""
REFUSES = """
def model_fn(model_dir): return None
def transform_fn(model, data, content_type, accept, context):
    context.set_response_status(503)
    return "not now"
"""


def npy(array):
    binary = io.BytesIO()
    np.save(binary, array)
    return binary.getvalue()


def archive(folder, script, **files):
    """A model folder with that script and files beside it; __ stands for a dot."""
    code = folder / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(script)
    for name, content in files.items():
        body = content if isinstance(content, bytes) else content.encode()
        (code / name.replace("__", ".")).write_bytes(body)
    return folder


@pytest.fixture
def start(serve, tmp_path):
    def start(script, *, environment=None, wait=True, **files):
        archive(tmp_path / "model", script, **files)
        return serve(tmp_path, wait=wait, **(environment or {}))

    return start


def said(server):
    return [line["message"] for line in map(json.loads, server.log().splitlines())]


@pytest.mark.parametrize(
    "files",
    [
        {"sample__json": "[1, 2]"},
        {"sample__csv": "1,2"},
        {"sample__npy": npy(np.ones(2))},
        {"sample__json": "[1]", "sample__csv": "1,2", "sample__py": "x = 1", "sample__md": "text"},
    ],
)
def test_a_script_that_answers_its_samples_serves(start, files):
    server = start(DOUBLES, **files)
    assert server.invoke("[4]", JSON).json() == [8]
    assert not any("proves" in message for message in said(server))


FAULTS = {
    "a script that always fails": (
        FAILS,
        {"sample__json": "[1]"},
        {},
        "inference.py cannot answer sample.json: KeyError: 'weights'",
    ),
    "one of several samples": (
        DOUBLES,
        {"sample__csv": "1,2", "sample__json": "{"},
        {},
        "inference.py cannot answer sample.json: RequestError: the body is not application/json",
    ),
    "a type the script does not read": (
        DOUBLES,
        {"sample__jsonl": "[1]\n[2]"},
        {},
        "cannot answer sample.jsonl: RequestError: Content-Type 'application/jsonlines'",
    ),
    "a generator that fails later": (
        STREAMS,
        {"sample__png": b"\x89PNG"},
        {},
        "inference.py cannot answer sample.png: OSError: half-way",
    ),
    "a status that the script sets": (
        REFUSES,
        {"sample__txt": "hello"},
        {},
        "cannot answer sample.txt: ValueError: the answer has the status 503",
    ),
    "a sample by its name": (
        FAILS,
        {"rows__json": "[1]"},
        {"INFERENCE_SAMPLE": "code/rows.json"},
        "inference.py cannot answer code/rows.json: KeyError: 'weights'",
    ),
    "no file of that name": (
        DOUBLES,
        {},
        {"INFERENCE_SAMPLE": "code/rows.json"},
        "the sample code/rows.json cannot be read from",
    ),
    "an unknown type": (
        DOUBLES,
        {"rows__xml": "<a/>"},
        {"INFERENCE_SAMPLE": "code/rows.xml"},
        "INFERENCE_SAMPLE is 'code/rows.xml'; its extension gives the content type, allowed: .json",
    ),
    "a sample after a warm-up": (
        FAILS + "def model_warmup_fn(model_dir, model): pass\n",
        {"sample__json": "[1]"},
        {},
        "inference.py cannot answer sample.json",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refuses_to_start_with(start, fault):
    script, files, environment, sentence = FAULTS[fault]
    server = start(script, wait=False, environment=environment, **files)
    assert server.process.wait(timeout=60) == 1
    assert sentence in server.log()


def test_a_sample_may_have_any_name_and_place(start, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "rows.JSON").write_text("[1]")
    server = start(DOUBLES, environment={"INFERENCE_SAMPLE": "rows.JSON"})
    assert server.invoke("[4]", JSON).json() == [8]


def test_with_nothing_to_ask_it_says_once_that_nothing_is_proven(start):
    server = start(WHO_FAILS, environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "2"})
    failed, deadline = set(), time.monotonic() + 60
    while len(failed) < 2:  # one worker is enough for a 200; the other one shall say nothing either
        assert time.monotonic() < deadline, "one of the workers never answered"
        answer = server.invoke("[1]", JSON)
        assert answer.status == 500
        failed.add(answer.error)
    assert server.ping() == 200  # one request decides nothing
    warnings = [message for message in said(server) if message.startswith(NOTHING_PROVEN)]
    assert len(warnings) == 1
    assert "code/sample.json" in warnings[0]
    assert "INFERENCE_SAMPLE" in warnings[0]


def test_a_warm_up_is_a_proof(start):
    server = start(DOUBLES + "def model_warmup_fn(model_dir, model): assert model == 2\n")
    assert server.invoke("[4]", JSON).json() == [8]
    assert not any("proves" in message for message in said(server))


def test_each_of_many_models_is_tried_with_its_own_sample(serve, tmp_path):
    (tmp_path / "models").mkdir()
    server = serve(tmp_path, SAGEMAKER_MULTI_MODEL="true")

    def load(name, script, **files):
        folder = archive(tmp_path / "models" / name / "model", script, **files)
        body = json.dumps({"model_name": name, "url": str(folder)}).encode()
        return server.request("POST", "/models", body, Content_Type=JSON)

    assert load("good", DOUBLES, sample__json="[1]").status == 200
    bad = load("bad", FAILS, sample__json="[1]")
    assert bad.status == 400
    assert bad.error == (
        "the model 'bad' cannot be loaded: inference.py cannot answer sample.json: "
        "KeyError: 'weights'"
    )
    assert load("unproven", FAILS).status == 200
    assert len([one for one in said(server) if one.startswith(NOTHING_PROVEN)]) == 1
