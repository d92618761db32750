"""The script for AWS's own XGBoost image: what it needs, what it loads, and what it answers.

How it reads values is compared with preprocessing in tests/unit/parity; it serves a deployed
endpoint in tests/integration/image_paths.
"""

import ast
import csv
import json
import pickle
import shutil
import subprocess
import sys

import pytest
from support.training_job import FEATURES, ROOT

SCRIPT = ROOT / "containers/xgboost_script/inference.py"
IN_THE_IMAGE = {"numpy", "xgboost", "sagemaker_inference"}
REACHES_OUT = {"socket", "urllib", "http", "subprocess", "pickle", "joblib"}
ROWS = "UA,1300.5,7,true\nAA,200,1,no\n,,,\nZZ,800,12,1\n"
JSON, CSV = "application/json", "text/csv"
# The toolkit of AWS's image calls the two functions so.
ANSWER = """
import json, runpy, sys
script = runpy.run_path(sys.argv[1])
model = script["model_fn"](sys.argv[2])
for data, content_type, accept in json.load(sys.stdin):
    try:
        answer = script["transform_fn"](model, data, content_type, accept)
    except Exception as fault:
        answer = [fault.status_code, str(fault)]
    print(json.dumps(answer))
"""


@pytest.fixture
def script():
    """Asks the script about a model folder, in the trainer's environment, which holds XGBoost."""

    def ask(model, *requests):
        done = subprocess.run(
            [ROOT / ".venvs/trainer/bin/python", "-c", ANSWER, SCRIPT, model],
            input=json.dumps(requests),
            capture_output=True,
            text=True,
            check=False,
        )
        return [json.loads(line) for line in done.stdout.splitlines()] or done.stderr

    return ask


def test_it_is_the_python_of_the_oldest_image():
    ast.parse(SCRIPT.read_text(), feature_version=(3, 8))


def test_it_imports_what_the_image_has_and_nothing_that_reaches_out_or_unpickles():
    imported = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert {name for name in imported if name not in sys.stdlib_module_names} == IN_THE_IMAGE
    assert not imported & REACHES_OUT


@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
def test_it_answers_as_the_inference_server_does(script, trained, servers, problem):
    server = servers(problem)
    as_csv, as_json = script(trained(problem).model, [ROWS, CSV, CSV], [ROWS, CSV, JSON])
    assert as_csv[1] == CSV
    ours, theirs = _table(as_csv[0]), _table(server.invoke(ROWS, Accept=CSV).text)
    assert ours[0] == theirs[0]
    assert ours[1] == pytest.approx(theirs[1], rel=1e-5, abs=1e-5)
    ours, theirs = json.loads(as_json[0]), server.invoke(ROWS, Accept=JSON).json()
    assert ours.keys() == theirs.keys()
    for one, other in zip(ours["predictions"], theirs["predictions"], strict=True):
        assert one.keys() == other.keys()
        if problem == "regression":
            assert one["value"] == pytest.approx(other["value"], rel=1e-5)
        else:
            assert one["label"] == other["label"]
            assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)


def test_a_line_end_inside_a_category_is_one_whatever_the_client_writes(
    script, trained, serve, tmp_path
):
    """Preprocessing writes a category of two lines with a plain line end."""
    shutil.copytree(trained("binary").model, tmp_path / "model")
    schema = json.loads((tmp_path / "model/schema.json").read_text())
    schema["features"][0]["categories"][2] = "two\nlines"
    (tmp_path / "model/schema.json").write_text(json.dumps(schema))
    bodies = [f'"two{end}lines",1300.5,7,true{end}' for end in ("\n", "\r\n", "\r")]
    server = serve(tmp_path)
    assert len({server.invoke(body).text for body in bodies}) == 1
    assert server.invoke(bodies[1]).text != server.invoke(",1300.5,7,true").text
    bodies.append(",1300.5,7,true")
    answers = script(tmp_path / "model", *([body, CSV, CSV] for body in bodies))
    assert answers[0] == answers[1] == answers[2] != answers[3]


REFUSED = {
    "a word for a number": ("UA,far,7,true", CSV, JSON, 400, "row 1, column distance: 'far'"),
    "a row too short": ("UA,1", CSV, JSON, 400, "row 1 must have 4 values"),
    "nothing": ("", CSV, JSON, 400, "the body is empty"),
    "a header alone": ("carrier,distance,month,night\n", CSV, JSON, 400, "no row after it"),
    "broken quotes": ('"UA"x,1,1,1', CSV, JSON, 400, "the body is not CSV"),
    "broken JSON": ("{", JSON, JSON, 400, "the body is not JSON"),
    "no instances": ('{"rows": []}', JSON, JSON, 400, '{"instances": [{...}, ...]}'),
    "a column's near name": ('{"instances": [{"carier": 1}]}', JSON, JSON, 400, "'carier'"),
    "another format": ("<a/>", "text/xml", JSON, 415, "text/xml is not one of"),
    "an answer in another format": (ROWS, CSV, "image/png", 406, "image/png is not one of"),
}


def test_it_refuses_with_a_status_and_what_is_allowed(script, trained):
    requests = [list(case[:3]) for case in REFUSED.values()]
    answers = script(trained("binary").model, *requests)
    for name, (status, said) in zip(REFUSED, answers, strict=True):
        assert status == REFUSED[name][3], name
        assert REFUSED[name][4] in said, name


def test_it_never_loads_a_pickle(script, tmp_path):
    canary = tmp_path / "canary"

    class Evil:
        def __reduce__(self):
            return (canary.touch, ())

    for name in ("model.pkl", "model.json"):
        (tmp_path / name).write_bytes(pickle.dumps(Evil()))
        said = script(tmp_path, [ROWS, CSV, JSON])
        assert isinstance(said, str), "it answered"
        assert "a pickle is never loaded" in said or name == "model.json"
        (tmp_path / "schema.json").write_text(json.dumps({"features": FEATURES, "target": {}}))
    assert not canary.exists()


def _table(text):
    """Its words and its numbers, each in order."""
    cells = [cell for row in csv.reader(text.splitlines()) for cell in row]
    words = [cell for cell in cells if cell.isalpha()]
    return words, [float(cell) for cell in cells if not cell.isalpha()]
