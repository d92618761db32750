"""Bad input is the client's fault: 4xx with one sentence, never a 500, and the server lives on."""

import http.client
import io
import json
import time

import numpy as np
import pytest

JSON = "application/json"
LINES = "application/jsonlines"
NPY = "application/x-npy"
COLUMNS = "carrier, distance, month, night"


def npy(array):
    binary = io.BytesIO()
    np.save(binary, array, allow_pickle=True)
    return binary.getvalue()


# name: content type, body, status, part of the sentence
BAD = {
    "an empty body": ("text/csv", "", 400, "the body is empty"),
    "only white space": ("text/csv", "  \n ", 400, "the body is empty"),
    "only a header": ("text/csv", "carrier,distance,month,night\n", 400, "no row after it"),
    "too few values": (
        "text/csv",
        "UA,1,2",
        400,
        f"row 1 has 3 values; a CSV row has 4: {COLUMNS}",
    ),
    "too many values": ("text/csv", "UA,1,2,1,5", 400, "row 1 has 5 values"),
    "a ragged row": ("text/csv", "UA,1,2,1\nUA,1,2\n", 400, "row 2 has 3 values"),
    "an empty line": ("text/csv", "UA,1,2,1\n\nUA,1,2,1\n", 400, "row 2 has 0 values"),
    "another separator": ("text/csv", "UA;1;2;1", 400, "row 1 has 1 values"),
    "a header with a typo": (
        "text/csv",
        "carrier,dist,month,night\nUA,1,2,1",
        400,
        "header does not match",
    ),
    "a header with a column twice": (
        "text/csv",
        "carrier,carrier,month,night\nUA,1,2,1",
        400,
        "header",
    ),
    "text for a number": (
        "text/csv",
        "UA,far,2,1",
        400,
        "row 1, column distance: 'far' is not allowed; allowed: a number or nothing",
    ),
    "text in a later row": (
        "text/csv",
        "UA,1,2,1\n" * 99 + "UA,1,x,1",
        400,
        "row 100, column month: 'x'",
    ),
    "a fraction for an integer": (
        "text/csv",
        "UA,1,2.5,1",
        400,
        "column month: '2.5' is not allowed; allowed: a whole number",
    ),
    "another word for a boolean": (
        "text/csv",
        "UA,1,2,maybe",
        400,
        "column night: 'maybe' is not allowed; allowed: true, false",
    ),
    "2 for a boolean": ("text/csv", "UA,1,2,2", 400, "column night"),
    "a word for nothing": ("text/csv", "UA,NA,2,1", 400, "column distance: 'NA'"),
    "infinity": ("text/csv", "UA,inf,2,1", 400, "column distance: 'inf'"),
    "minus infinity in rows": (
        "text/csv",
        "UA,1,2,1\nUA,-Infinity,2,1",
        400,
        "row 2, column distance",
    ),
    "1e400": ("text/csv", "UA,1e400,2,1", 400, "column distance: '1e400'"),
    "too large for 32 bits": ("text/csv", "UA,1e39,2,1", 400, "a number within"),
    "digits with underscores": ("text/csv", "UA,1_000,2,1", 400, "'1_000'"),
    "underscores in rows": (
        "text/csv",
        "UA,1,2,1\nUA,1_0,2,1",
        400,
        "row 2, column distance: '1_0'",
    ),
    "another script's digits": ("text/csv", "UA,١٢,2,1", 400, "column distance"),
    "hexadecimal": ("text/csv", "UA,0x10,2,1", 400, "'0x10'"),
    "a thousands separator": ("text/csv", '"UA","1,000",2,1', 400, "'1,000'"),
    "an unclosed quote": ("text/csv", 'UA,"1,2,1', 400, "the body is not CSV"),
    "a stray quote": ("text/csv", 'UA,"1"x,2,1', 400, "the body is not CSV"),
    "a NUL": ("text/csv", "UA,\x00,2,1", 400, "column distance"),
    "latin-1 bytes": (
        "text/csv",
        "Zürich,1,2,1".encode("latin-1"),
        400,
        "the body is not UTF-8: byte 2 is 0xfc",
    ),
    "utf-16": ("text/csv", "UA,1,2,1".encode("utf-16"), 400, "the body is not UTF-8"),
    "a huge cell": ("text/csv", '"' + "x" * 200_000 + '",1,2,1', 400, "the body is not CSV"),
    "a formula": ("text/csv", "UA,=1+1,2,1", 400, "'=1+1'"),
    "csv sent as json": (JSON, "UA,1,2,1", 400, "the body is not JSON"),
    "json cut short": (JSON, '{"instances": [', 400, "the body is not JSON"),
    "json of another shape": (JSON, "[1, 2]", 400, 'like {"instances": [{...}, ...]}'),
    "a bare row": (JSON, '{"carrier": "UA"}', 400, "instances"),
    "another key": (JSON, '{"instances": [["UA",1,2,1]], "x": 1}', 400, "unknown keys: 'x'"),
    "no instances": (JSON, '{"instances": []}', 400, "at least one row"),
    "null instances": (JSON, '{"instances": null}', 400, "must be a list"),
    "a flat row": (JSON, '{"instances": ["UA", 1, 2, 1]}', 400, "row 1: 'UA' is not a row"),
    "a row of the wrong width": (JSON, '{"instances": [["UA", 1]]}', 400, "row 1 has 2 values"),
    "an empty object": (JSON, '{"instances": [{}]}', 400, "row 1 has no columns"),
    "an unknown column": (
        JSON,
        '{"instances": [{"carier": "UA"}]}',
        400,
        "'carier' is unknown; did you mean carrier?",
    ),
    "the target as a column": (
        JSON,
        '{"instances": [{"outcome": "yes"}]}',
        400,
        f"allowed: {COLUMNS}",
    ),
    "a string for a number": (
        JSON,
        '{"instances": [{"distance": "far"}]}',
        400,
        "column distance: 'far'",
    ),
    "a boolean for a number": (
        JSON,
        '{"instances": [{"distance": true}]}',
        400,
        "column distance: True",
    ),
    "booleans for numbers": (
        JSON,
        '{"instances": [{"distance": true}, {"distance": false}]}',
        400,
        "row 1, column distance",
    ),
    "a list for a number": (
        JSON,
        '{"instances": [{"distance": [1]}]}',
        400,
        "column distance: [1]",
    ),
    "an object for a category": (
        JSON,
        '{"instances": [{"carrier": {"a": 1}}]}',
        400,
        "column carrier",
    ),
    "a list for a boolean": (JSON, '{"instances": [{"night": []}]}', 400, "column night: []"),
    "a huge integer": (JSON, '{"instances": [{"distance": 1' + "0" * 400 + "}]}", 400, ""),
    "NaN in JSON": (JSON, '{"instances": [{"distance": NaN}]}', 400, "the body is not JSON"),
    "deep nesting": (JSON, '{"instances": ' + "[" * 100_000, 400, "the body is not JSON"),
    "deep nesting closed": (
        JSON,
        '{"instances": ' + "[" * 900 + "]" * 900 + "}",
        400,
        "row 1 has 1 values",
    ),
    "a lone surrogate": (
        JSON,
        '{"instances": [{"carrier": "\\ud800"}]}',
        400,
        "the body is not JSON",
    ),
    "bytes in json": (JSON, b"\xff\xfe\x00", 400, "the body is not JSON"),
    "a bad json line": (LINES, '["UA",1,2,1]\n["UA",1,2', 400, "row 2 is not JSON"),
    "an empty json line": (LINES, '["UA",1,2,1]\n\n["UA",1,2,1]', 400, "row 2 is not JSON"),
    "a number as a json line": (LINES, "5", 400, "row 1: 5 is not a row"),
    "xml": (
        "application/xml",
        "<a/>",
        415,
        "supported: text/csv, application/json, application/jsonlines",
    ),
    "npy cut short": (NPY, b"\x93NUMPY", 400, "the body is not NPY"),
    "npy with an object": (NPY, npy(np.array([[print]] * 4)), 400, "allowed: numbers"),
    "npy of text": (NPY, npy(np.array([["UA"] * 4])), 400, "allowed: numbers"),
    "npy of records": (NPY, npy(np.zeros(1, "f4,f4,f4,f4")), 400, "allowed: numbers"),
    "npy of the wrong width": (
        NPY,
        npy(np.zeros((2, 3))),
        400,
        "the array is (2, 3); allowed: [rows, 4]",
    ),
    "npy without rows": (NPY, npy(np.zeros((0, 4))), 400, "at least one row"),
    "npy of many dimensions": (NPY, npy(np.zeros((1,) * 40)), 400, "allowed: [rows, 4]"),
    "npy of more dimensions than arrays have": (
        NPY,
        b"\x93NUMPY\x01\x00"
        + (400).to_bytes(2, "little")
        + f"{{'descr': '<f8', 'fortran_order': False, 'shape': {(1,) * 65}}}".encode().ljust(400)
        + bytes(8),
        400,
        "allowed: [rows, 4]",
    ),
    "npy that says more than it holds": (
        NPY,
        npy(np.zeros((1, 4))).replace(b"(1, 4)", b"(9, 4)"),
        400,
        "the body holds 32 bytes of numbers; its header says (9, 4)",
    ),
    "npy with a huge shape": (
        NPY,
        npy(np.zeros((1, 4))).replace(b"(1, 4), }         ", b"(99999999, 4), }  "),
        400,
        "its header says (99999999, 4)",
    ),
    **{
        f"npy of shape {shape}": (
            NPY,
            npy(np.zeros((0, 4))).replace(
                b"(0, 4), }" + b" " * 40, f"{shape}, }}".encode().ljust(49)
            ),
            400,
            f"its header says {shape[:20]}",
        )
        for shape in (f"({10**30}, 0)", f"(0, {2**62})", "(True, 0)")
    },
    "npy with a header that is code": (
        NPY,
        npy(np.zeros((1, 4))).replace(b"{'descr'", b"(exit())"),
        400,
        "the body is not NPY",
    ),
    "npy with infinity": (
        NPY,
        npy(np.array([[0, np.inf, 1, 1]])),
        400,
        "row 1, column distance: inf is not allowed",
    ),
    "npy with a fraction for an integer": (
        NPY,
        npy(np.array([[0, 1, 1.5, 1]])),
        400,
        "column month: 1.5",
    ),
    "npy with an unknown code": (
        NPY,
        npy(np.array([[0, 1, 1, 1], [99, 1, 1, 1]])),
        400,
        "row 2, column carrier: 99 is not allowed; allowed: a category's code, 0 to",
    ),
    "parquet": ("application/vnd.apache.parquet", b"PAR1", 415, "this image reads no Parquet"),
    "no content type": (None, "UA,1,2,1", 415, "there is no Content-Type"),
    "another charset": (
        "text/csv; charset=utf-16",
        "UA,1,2,1",
        415,
        "charset 'utf-16' is not supported",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_refuses(servers, fault):
    content_type, body, status, sentence = BAD[fault]
    answer = servers("binary").invoke(body, content_type)
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == JSON
    assert sentence in answer.error
    assert len(answer.error) < 500


def test_a_column_with_an_endless_name_costs_no_more_than_an_endless_value(servers):
    def ask(row):
        """The answer, and how long it took."""
        body, began = json.dumps({"instances": [row]}), time.monotonic()
        return servers("binary").invoke(body, JSON), time.monotonic() - began

    endless = "carrier" * 2_000_000
    seconds, longer = [], []
    for _ in range(20):  # at best: the rest is the machine's other work
        answer, took = ask({"carrier": endless})
        assert answer.status == 200
        seconds.append(took)
        refused, took = ask({endless: 1})
        assert refused.status == 400
        assert refused.error.endswith(f"is unknown; allowed: {COLUMNS}")
        longer.append(took)
        if min(longer) < 3 * min(seconds) + 0.3:
            break
    assert min(longer) < 3 * min(seconds) + 0.3


def test_the_server_lives_on_after_all_of_them(servers):
    assert servers("binary").ping() == 200


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=0", "nonsense"])
def test_refuses_a_format_it_cannot_answer_in(servers, accept):
    answer = servers("binary").invoke("UA,1,2,1", Accept=accept)
    assert answer.status == 406
    assert "supported: text/csv" in answer.error


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/invocations", 405), ("POST", "/ping", 405), ("GET", "/nothing", 404)],
)
def test_refuses_other_methods_and_paths(servers, method, path, status):
    answer = servers("binary").request(method, path)
    assert answer.status == status
    assert answer.error
    allowed = {"/invocations": "POST", "/ping": "GET"}
    assert answer.headers.get("allow") == allowed.get(path)


def test_refuses_a_compressed_body(servers):
    answer = servers("binary").invoke(b"\x1f\x8b", "text/csv", Content_Encoding="gzip")
    assert answer.status == 415
    assert "'gzip'" in answer.error


@pytest.fixture(scope="module")
def small_server(serve, trained):
    return serve(trained("binary").base, SAGEMAKER_MAX_PAYLOAD_IN_MB="1")


def test_refuses_a_body_over_the_limit_and_takes_one_at_it(small_server):
    row = b"UA,1,2,1\n"
    at_limit = row * (1024**2 // len(row))
    assert small_server.invoke(at_limit).status == 200
    over = small_server.invoke(at_limit + row)
    assert over.status == 413
    assert over.error == "the body is larger than 1 MB, the largest this server takes"


def test_refuses_a_chunked_body_over_the_limit(small_server):
    connection = http.client.HTTPConnection("127.0.0.1", small_server.port, timeout=30)
    chunks = (b"x" * 65536 for _ in range(17))
    connection.request(
        "POST", "/invocations", chunks, {"Content-Type": "text/csv"}, encode_chunked=True
    )
    response = connection.getresponse()
    assert response.status == 413
    assert "larger than 1 MB" in json.loads(response.read())["error"]
    connection.close()


def test_refuses_a_declared_length_over_the_limit_without_reading_it(small_server):
    connection = http.client.HTTPConnection("127.0.0.1", small_server.port, timeout=30)
    connection.putrequest("POST", "/invocations")
    connection.putheader("Content-Type", "text/csv")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
