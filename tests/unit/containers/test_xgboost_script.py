"""The script for AWS's own XGBoost image: what it needs, what it loads, and what it answers.

How it reads values is compared with preprocessing in tests/unit/parity; it serves a deployed
endpoint in tests/integration/image_paths.
"""

import ast
import csv
import json
import pickle
import re
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
    if content_type.partition(";")[0] not in ("application/json", "text/csv"):
        data = data.encode()  # the toolkit decodes those two
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


LINES = "application/jsonlines"
ROW = '{"carrier": "UA", "distance": 1300.5, "month": 7, "night": true}'
ONE = f'{{"instances": [{ROW}]}}'
# What the inference server takes and refuses: body, content type, wish.
ALIKE = {
    "a byte order mark before a row": ("\ufeffUA,1300.5,7,true", CSV, JSON),
    "one before a header": ("\ufeffcarrier,distance,month,night\nUA,1300.5,7,true", CSV, JSON),
    "one before JSON": ("\ufeff" + ONE, JSON, JSON),
    "one before JSON lines": ("\ufeff" + ROW, LINES, JSON),
    "nothing but one": ("\ufeff", CSV, JSON),
    **{
        f"JSON lines by the name of {name}": (ROW + "\n" + ROW + "\n", name, JSON)
        for name in ("application/x-ndjson", "application/x-jsonlines", "application/jsonl", LINES)
    },
    "CSV by another name": ("UA,1,2,1", "application/csv", JSON),
    "a charset": ("UA,1,2,1", "text/csv; charset=UTF-8", JSON),
    "another charset": ("UA,1,2,1", "text/csv; charset=latin-1", JSON),
    "an unknown key": (ONE[:-1] + ', "x": 1}', JSON, JSON),
    "an unknown key before": ('{"x": 1, ' + ONE[1:], JSON, JSON),
    "no instances": ('{"instances": []}', JSON, JSON),
    "a row without columns": ('{"instances": [{}]}', JSON, JSON),
    "a row that is none": ('{"instances": [5]}', JSON, JSON),
    "a row of lists": ('{"instances": [["UA", 1, 2, true]]}', JSON, JSON),
    "a column with an endless name": ('{"instances": [{"' + "x" * 9000 + '": 1}]}', JSON, JSON),
    "NaN in JSON": ('{"instances": [{"distance": NaN}]}', JSON, JSON),
    "infinity in JSON": ('{"instances": [{"distance": -Infinity}]}', JSON, JSON),
    "half a character": ('{"instances": [{"carrier": "\\ud800"}]}', JSON, JSON),
    "a whole one": ('{"instances": [{"carrier": "\\ud83d\\ude00"}]}', JSON, JSON),
    "JSON nested deeply": ('{"instances": ' + "[" * 100_000, JSON, JSON),
    "an empty line at the end of lines": (ROW + "\n\n", LINES, JSON),
    "an empty line at the end of a row": ("UA,1,2,1\n\n", CSV, JSON),
    "an empty line at the end of rows": ("UA,1,2,1\nUA,1,2,1\n\n", CSV, JSON),
    "a header in another order": ("night,month,distance,carrier\n1,2,3,UA", CSV, JSON),
    "a header's near miss": ("carrier,distance,month,nite\nUA,1,2,1", CSV, JSON),
    **{
        f"the wish {wish}": ("UA,1,2,1", CSV, wish)
        for wish in (
            "text/html, */*",
            "text/html, application/xml;q=0.9, */*;q=0.8",
            "application/xml, text/csv;q=0.5",
            "application/jsonlines;q=0.1, application/json;q=0.9",
            "application/json;q=0, text/csv",
            "text/*",
            "application/*",
            "*/*",
            "",
            "application/x-ndjson",
            "Application/JSON; charset=utf-8",
            "image/png",
            "text/csv;q=0",
            "text/csv;q=high",
        )
    },
}


def test_it_takes_and_refuses_what_the_inference_server_does(script, trained, servers):
    server = servers("binary")
    found = script(trained("binary").model, *map(list, ALIKE.values()))
    for name, (first, second) in zip(ALIKE, found, strict=True):
        body, content_type, wish = ALIKE[name]
        answer = server.invoke(body, content_type, Accept=wish)
        refused = isinstance(first, int)
        assert (first if refused else 200) == answer.status, (name, first, second, answer.text)
        if not refused:
            assert second == answer.headers["content-type"], name
            assert _numbers(first) == pytest.approx(_numbers(answer.text), abs=1e-5), name
        else:
            assert len(second) < 1000, name


def test_it_refuses_what_is_missing_and_required(script, trained, serve, tmp_path):
    shutil.copytree(trained("binary").model, tmp_path / "model")
    schema = json.loads((tmp_path / "model/schema.json").read_text())
    schema["features"][1]["required"] = True
    (tmp_path / "model/schema.json").write_text(json.dumps(schema))
    server = serve(tmp_path)
    bodies = ["UA,,7,true", "UA,1300.5,7,true"]
    (status, said), (answer, _) = script(tmp_path / "model", *([one, CSV, CSV] for one in bodies))
    assert status == server.invoke(bodies[0]).status == 400
    assert said == "row 1, column distance: '' is not allowed; allowed: a known value"
    assert said == server.invoke(bodies[0]).error
    assert answer.startswith(server.invoke(bodies[1], Accept=CSV).text.split(",")[0])


def _numbers(text):
    return [float(found) for found in re.findall(r"-?[0-9.]+(?:e-?[0-9]+)?", text)]


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
