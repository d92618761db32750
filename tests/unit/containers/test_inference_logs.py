"""What is known about a request afterwards."""

import json
import subprocess

import pytest
from support.inference_server import PYTHON
from support.training_job import ROOT


def invocations(server):
    lines = [json.loads(line) for line in server.log().splitlines()]
    return [line for line in lines if line["message"] == "invocation"]


def test_a_request_is_named_by_its_inference_id_or_else_by_a_name_of_its_own(serve, trained):
    server = serve(trained("binary").base)
    server.invoke("UA,1,2,1", X_Amzn_SageMaker_Inference_Id="mine")
    for _ in range(3):
        server.invoke("UA,1,2,1")
    first, *others = invocations(server)
    assert first["inference_id"] == "mine"
    assert len({line["request_id"] for line in others}) == 3


def test_custom_attributes_are_logged_and_not_sent_back(serve, trained):
    server = serve(trained("binary").base)
    answer = server.invoke("UA,1,2,1", X_Amzn_SageMaker_Custom_Attributes="trace=7")
    assert "x-amzn-sagemaker-custom-attributes" not in answer.headers
    assert invocations(server)[0]["custom_attributes"] == "trace=7"


def test_a_line_is_cloudwatch_metrics_where_a_namespace_is_set(serve, trained):
    server = serve(trained("binary").base, INFERENCE_METRICS_NAMESPACE="Flights/Inference")
    server.invoke("UA,1,2,1\nUA,1,2,1")
    server.invoke("UA,1")
    good, bad = invocations(server)
    (directive,) = good["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Flights/Inference"
    for metric in directive["Metrics"]:
        assert isinstance(good[metric["Name"]], (int, float))
    assert (good["Rows"], good["ClientErrors"], good["ServerErrors"]) == (2, 0, 0)
    assert (bad["Rows"], bad["ClientErrors"]) == (0, 1)
    assert abs(good["_aws"]["Timestamp"] / 1000 - server.base.stat().st_mtime) < 86_400


def test_there_are_no_metrics_otherwise(serve, trained):
    server = serve(trained("binary").base)
    server.invoke("UA,1,2,1")
    assert "_aws" not in invocations(server)[0]


def test_a_log_that_nobody_reads_stops_no_answer(serve, trained):
    server = serve(trained("binary").base)
    for _ in range(700):  # more than the 64 KB that a pipe holds
        assert server.invoke("UA,1,2,1").status == 200


FAILS = """
def model_fn(model_dir): return None
def predict_fn(data, model): raise KeyError("no such column")
"""


def test_nor_does_it_stop_what_is_answered_to_a_model_that_fails(serve, tmp_path):
    """Each failure is told with its trace."""
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_text(FAILS)
    server = serve(tmp_path)
    for _ in range(100):
        assert server.invoke("[1]", "application/json").status == 500
    assert '"trace":"Traceback' in server.log()


FULL = """
import os, select, sys
from inference_server import logs
logs.configure(20)
os.set_blocking(1, False)
try:
    while os.write(1, b"x" * 4096):
        pass
except BlockingIOError:
    os.set_blocking(1, True)
"""
TAKEN = """
looks = [[(1, select.POLLOUT)], []]  # there was room, until another worker took it
class Poll:
    def register(self, *_): ...
    def poll(self, _): return looks.pop(0)
logs.select.poll = Poll
logs.log(20, "first")
assert not looks and len(logs._waiting) == 1
os._exit(0)
"""
FORKED = """
logs.log(20, "first")
assert len(logs._waiting) == 1
worker = os.fork()
if worker == 0:
    os._exit(len(logs._waiting))
os._exit(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
"""


def with_a_full_pipe(program):
    """The exit code of a program whose stdout nobody reads."""
    with subprocess.Popen(
        [PYTHON, "-c", FULL + program],
        env={"PYTHONPATH": str(ROOT / "containers")},
        stdout=subprocess.PIPE,
    ) as process:
        try:
            return process.wait(timeout=60)
        finally:
            process.kill()


def test_a_pipe_that_another_worker_fills_meanwhile_stops_no_answer_either():
    """Of several that see room for a line, one has it; the others' lines wait."""
    assert with_a_full_pipe(TAKEN) == 0


def test_a_line_that_waits_is_not_said_by_a_new_worker_too():
    assert with_a_full_pipe(FORKED) == 0


@pytest.mark.parametrize(
    "setting",
    [
        {"SAGEMAKER_MODEL_SERVER_WORKERS": "0"},
        {"INFERENCE_MAX_BATCH": "many"},
        {"INFERENCE_TRUSTED_PICKLES": "abc"},
    ],
)
def test_refuses_a_setting_and_says_what_is_allowed(serve, trained, setting):
    server = serve(trained("binary").base, wait=False, **setting)
    assert server.process.wait(timeout=60) == 2
    ((name, value),) = setting.items()
    log = server.log()
    assert f"{name} " in log
    assert repr(value) in log
    assert "allowed: " in log
