"""A user's code/inference.py works unchanged, as under SageMaker's own toolkit."""

import json

import pytest

JSON = "application/json"


@pytest.fixture
def server_of(serve, tmp_path):
    def start(text, *, wait=True, files=(), **environment):
        code = tmp_path / "model" / "code"
        code.mkdir(parents=True)
        (code / environment.get("SAGEMAKER_PROGRAM", "inference.py")).write_text(text)
        for name, content in files:
            path = tmp_path / "model" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return serve(tmp_path, wait=wait, **environment)

    return start


FOUR_FUNCTIONS = """
import json, os
from helper import double

def model_fn(model_dir):
    with open(os.path.join(model_dir, "factor.txt")) as f:
        return float(f.read())

def input_fn(request_body, request_content_type):
    assert isinstance(request_body, str), type(request_body)
    assert request_content_type == "application/json"
    return json.loads(request_body)["x"]

def predict_fn(data, model):
    return double(data) * model

def output_fn(prediction, accept):
    return json.dumps({"y": prediction}), accept
"""


def test_runs_the_four_functions_with_a_helper_beside_the_script(server_of):
    files = [("factor.txt", "1.5"), ("code/helper.py", "def double(x): return 2 * x\n")]
    answer = server_of(FOUR_FUNCTIONS, files=files).invoke('{"x": 4}', JSON)
    assert answer.json() == {"y": 12.0}
    assert answer.headers["content-type"] == JSON


TRANSFORM = """
def model_fn(model_dir):
    return len

def transform_fn(model, data, content_type, accept, context):
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes",
        context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes") + "-seen")
    return f"{model(data)} {type(data).__name__} {accept}", "text/plain"
"""


def test_runs_transform_fn_with_the_context_as_one_more_argument(server_of):
    server = server_of(TRANSFORM)
    attributes = {"X_Amzn_SageMaker_Custom_Attributes": "trace"}
    answer = server.invoke(b"abcd", "application/octet-stream", **attributes)
    assert answer.text == "4 bytes application/json"
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["x-amzn-sagemaker-custom-attributes"] == "trace-seen"


DEFAULTS = """
def model_fn(model_dir, context):
    assert context.system_properties["model_dir"] == model_dir
    return 10
def predict_fn(data, model):
    return data * model
"""


def test_reads_and_writes_arrays_where_the_script_does_not(server_of):
    server = server_of(DEFAULTS)
    assert server.invoke("[[1, 2], [3, 4]]", JSON).json() == [[10, 20], [30, 40]]
    assert server.invoke("1,2\n3,4", Accept="text/csv").text == "10.0,20.0\n30.0,40.0\n"
    assert server.invoke("<a/>", "text/xml").status == 415
    assert server.invoke("{", JSON).status == 400
    answer = server.invoke("[1]", JSON, X_Amzn_SageMaker_Custom_Attributes="trace")
    assert "x-amzn-sagemaker-custom-attributes" not in answer.headers


RAISES = """
class BadRequest(Exception):
    status_code = 422
def model_fn(model_dir):
    return {"seen": 0}
def predict_fn(data, model):
    model["seen"] += 1
    if data.sum() > 100:
        raise BadRequest("too much")
    if data.sum() == -2:
        raise ValueError("\\ud800 and more")
    if data.sum() < 0:
        raise KeyError("weights")
    return model["seen"]
"""


def test_a_script_that_raises_fails_that_request_alone(server_of):
    server = server_of(RAISES)
    failed = server.invoke("[-1]", JSON)
    assert failed.status == 500
    assert failed.error == "the model failed: KeyError: 'weights'"
    chosen = server.invoke("[101]", JSON)
    assert (chosen.status, chosen.error) == (422, "too much")
    assert server.invoke("[1]", JSON).json() == 3
    assert "Traceback" in next(
        line["trace"] for line in map(json.loads, server.log().splitlines()) if "trace" in line
    )


def test_a_failure_that_no_encoding_can_write_is_answered(server_of):
    failed = server_of(RAISES).invoke("[-2]", JSON)
    assert failed.status == 500
    assert failed.error == "the model failed: ValueError: ? and more"


def test_the_script_can_have_another_name(server_of):
    server = server_of(DEFAULTS, SAGEMAKER_PROGRAM="serve_it.py")
    assert server.invoke("[1]", JSON).json() == [10]


def test_warms_the_model_up_before_it_is_healthy(server_of):
    server = server_of(DEFAULTS + "def model_warmup_fn(model_dir, model): print('warm', model)\n")
    assert "warm 10" in server.log()


REFUSED = {
    "no model_fn": ("def predict_fn(data, model): pass\n", "must define model_fn and predict_fn"),
    "both ways": (
        TRANSFORM + "def input_fn(data, content_type): pass\n",
        "defines transform_fn and input_fn; allowed: transform_fn alone",
    ),
    "a model_fn that raises": (
        "def model_fn(d): raise OSError('no weights')\ndef predict_fn(d, m): pass\n",
        "model_fn of inference.py failed: OSError: no weights",
    ),
    "a model_fn that ends the process": (
        "def model_fn(d): raise SystemExit('no licence')\ndef predict_fn(d, m): pass\n",
        "model_fn of inference.py failed: SystemExit: no licence",
    ),
    "a failure that no encoding can write": (
        "def model_fn(d): raise OSError('\\ud800')\ndef predict_fn(d, m): pass\n",
        "model_fn of inference.py failed: OSError: ?",
    ),
    "a syntax error": ("def model_fn(:\n", "inference.py cannot be imported: SyntaxError"),
    "a missing package": ("import torch\n", "cannot be imported: ModuleNotFoundError"),
    "a warm-up that fails": (
        DEFAULTS + "def model_warmup_fn(d, m): raise ValueError('nan')\n",
        "model_warmup_fn of inference.py failed: ValueError: nan",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_refuses_a_script_with(server_of, fault):
    text, sentence = REFUSED[fault]
    server = server_of(text, wait=False)
    assert server.process.wait(timeout=60) == 1
    assert sentence in server.log()
