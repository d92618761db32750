"""Formats in and out, and that the answers are the model's own."""

import csv
import io
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

JSON = "application/json"
LINES = "application/jsonlines"
ROW = {"carrier": "UA", "distance": 900.5, "month": 3, "night": True}


def instances(*rows):
    return json.dumps({"instances": rows})


def test_answers_json_with_a_label_and_the_probability_of_every_class(servers):
    answer = servers("binary").invoke(instances(ROW), JSON)
    assert answer.status == 200
    assert answer.headers["content-type"] == JSON
    (prediction,) = answer.json()["predictions"]
    assert list(prediction) == ["label", "probabilities"]
    assert list(prediction["probabilities"]) == ["no", "yes"]
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert prediction["label"] == max(
        prediction["probabilities"], key=prediction["probabilities"].get
    )


def test_answers_a_regression_with_a_value(servers):
    (prediction,) = servers("regression").invoke(instances(ROW), JSON).json()["predictions"]
    assert list(prediction) == ["value"]
    assert 0 < prediction["value"] < 30


def test_answers_csv_with_the_label_first_then_a_column_for_each_class(servers):
    answer = servers("multiclass").invoke("UA,900.5,3,true\nAA,100,4,false\n", Accept="text/csv")
    assert answer.headers["content-type"] == "text/csv"
    assert not answer.text.endswith("\n")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert [row[0] for row in rows] == ["Gentoo", "Adelie"]
    assert [len(row) for row in rows] == [4, 4]


def test_answers_json_lines_with_one_object_a_row(servers):
    body = json.dumps(ROW) + "\n" + json.dumps(["AA", None, None, None]) + "\n"
    answer = servers("binary").invoke(body, LINES, Accept=LINES)
    assert [set(json.loads(line)) for line in answer.text.split("\n")] == [
        {"label", "probabilities"}
    ] * 2


SAME_ROW = {
    "csv": ("text/csv", "UA,900.5,3,true"),
    "csv with a newline": ("text/csv", "UA,900.5,3,true\n"),
    "csv with a carriage return": ("text/csv", "UA,900.5,3,true\r\n"),
    "csv with a charset": ("text/csv; charset=UTF-8", "UA,900.5,3,1"),
    "csv with a byte order mark": ("text/csv", b"\xef\xbb\xbfUA,900.5,3,yes"),
    "csv with spaces": ("text/csv", " UA, 900.5 ,3, TRUE"),
    "csv with quotes": ("text/csv", '"UA","900.5","3","true"'),
    "csv with a header": ("text/csv", "carrier,distance,month,night\nUA,900.5,3,true"),
    "csv with a header in another order": (
        "text/csv",
        "night,carrier,month,distance\ntrue,UA,3,900.5",
    ),
    "json objects": (JSON, instances(ROW)),
    "json lists": (JSON, instances(["UA", 900.5, 3, True])),
    "json lines": (LINES, json.dumps(ROW)),
    "ndjson": ("application/x-ndjson", json.dumps(ROW)),
    "a whole number as 3.0": (JSON, instances({**ROW, "month": 3.0})),
}


@pytest.mark.parametrize("form", SAME_ROW)
def test_the_same_row_gets_the_same_answer_as(servers, form):
    content_type, body = SAME_ROW[form]
    server = servers("binary")
    answer = server.invoke(body, content_type, Accept=JSON)
    assert answer.status == 200, answer.text
    assert answer.body == server.invoke(instances(ROW), JSON).body


NOTHING = ["", " ", "nan", "NaN"]


@pytest.mark.parametrize("nothing", NOTHING)
def test_reads_a_missing_number_written_as(servers, nothing):
    server = servers("multiclass")
    missing = server.invoke(instances({"carrier": "UA", "month": 3, "night": True}), JSON)
    assert server.invoke(f"UA,{nothing},3,true").body == missing.body


def test_a_category_training_never_saw_counts_as_missing(servers):
    server = servers("multiclass")
    unseen = server.invoke("ZZ,900,3,true\nZZ,900,3,true")
    assert unseen.status == 200
    assert unseen.body == server.invoke(",900,3,true\n,900,3,true").body


def test_many_rows_get_the_same_answers_as_one_at_a_time(servers):
    server = servers("regression")
    random = np.random.default_rng(5)
    carriers = ["AA", "B6", "UA", "ZZ", ""]
    rows = [
        f"{carriers[random.integers(5)]},{random.normal(800, 300):.3f},{random.integers(1, 13)},1"
        for _ in range(200)
    ]
    together = server.invoke("\n".join(rows), Accept="text/csv").text.split("\n")
    alone = [server.invoke(row, Accept="text/csv").text for row in rows]
    assert together == alone


@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
def test_the_answers_are_those_of_the_trained_booster(servers, trained, problem):
    carriers = ["AA", "B6", "UA", ""]
    rows = [(i % 4, 100.5 * i, 1 + i % 12, i % 2) for i in range(20)]
    body = "\n".join(f"{carriers[c]},{d},{m},{bool(n)}" for c, d, m, n in rows)
    answer = servers(problem).invoke(body, Accept="text/csv").text
    served = [
        [float(v) for v in line.split(",")][-1]
        if problem == "regression"
        else [float(v) for v in line.split(",")[1:]][-1]
        for line in answer.split("\n")
    ]
    code = (
        "import sys, json, numpy as np, xgboost as xgb\n"
        "x = np.array(json.loads(sys.argv[2]), dtype=np.float32); x[x[:, 0] == 3, 0] = np.nan\n"
        "p = xgb.Booster(model_file=sys.argv[1]).predict(xgb.DMatrix(x))\n"
        "print(json.dumps((p if p.ndim == 1 else p[:, -1]).tolist()))"
    )
    booster = subprocess.run(
        [
            ".venvs/trainer/bin/python",
            "-c",
            code,
            trained(problem).model / "model.json",
            json.dumps(rows),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert served == pytest.approx(json.loads(booster.stdout), abs=2e-5)


ACCEPTS = {
    None: JSON,
    "*/*": JSON,
    "text/csv": "text/csv",
    "application/xml, text/csv;q=0.5": "text/csv",
    "text/*": "text/csv",
    "application/jsonlines;q=0.1, application/json;q=0.9": JSON,
}


@pytest.mark.parametrize("accept", ACCEPTS)
def test_answers_in_the_wanted_format(servers, accept):
    headers = {} if accept is None else {"Accept": accept}
    answer = servers("binary").invoke("UA,900,3,true", **headers)
    assert answer.headers["content-type"] == ACCEPTS[accept]


def test_the_default_format_can_be_set(serve, trained):
    server = serve(trained("binary").base, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv")
    answer = server.invoke(instances(ROW), JSON)
    assert answer.headers["content-type"] == "text/csv"


@pytest.mark.parametrize(
    ("default", "given"),
    [
        ("application/json; charset=utf-8", JSON),
        ("application/jsonl", LINES),
        ("Application/X-NDJSON", LINES),
        ("text/html, text/csv;q=0.5", "text/csv"),
    ],
)
def test_the_default_format_is_read_as_any_wish_is(serve, trained, default, given):
    server = serve(trained("binary").base, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT=default)
    for headers in ({}, {"Accept": "*/*"}):
        answer = server.invoke("UA,900,3,true", **headers)
        assert answer.headers["content-type"] == given
        assert answer.body == server.invoke("UA,900,3,true", Accept=given).body


@pytest.mark.parametrize("default", ["text/plain", "application/x-parquet", "json"])
def test_a_default_format_that_it_cannot_write_is_refused_at_the_start(serve, trained, default):
    base = trained("binary").base
    server = serve(base, wait=False, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT=default)
    assert server.process.wait(timeout=60) == 1
    assert (
        f"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT is '{default}', allowed: text/csv, "
        "application/json, application/jsonlines, application/x-npy" in server.log()
    )


def test_batch_answers_csv_lines_with_one_line_for_each_record(serve, trained):
    server = serve(trained("binary").base, SAGEMAKER_BATCH="true", SAGEMAKER_MAX_PAYLOAD_IN_MB="6")
    answer = server.invoke("UA,900,3,true\nAA,,4,\nZZ,100,5,false\n")
    assert answer.headers["content-type"] == "text/csv"
    assert len(answer.text.split("\n")) == 3
    assert server.request("GET", "/execution-parameters").json() == {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


def test_concurrent_requests_each_get_their_own_answer(servers):
    server = servers("regression")
    rows = [f"UA,{distance},3,true" for distance in range(0, 1600, 20)]
    expected = [server.invoke(row).body for row in rows]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda row: server.invoke(row).body, rows)) == expected


def test_a_large_request_does_not_keep_ping_waiting(servers):
    server = servers("binary")
    body = "UA,900,3,true\n" * 200_000
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(server.invoke, body, Accept="text/csv")
        assert server.ping() == 200
        assert large.result().text.count("\n") == 199_999
