"""NPY in and out, and answers of a script that come in pieces."""

import io
import json
import socket

import numpy as np
import pytest

JSON = "application/json"
NPY = "application/x-npy"


def npy(array):
    binary = io.BytesIO()
    np.save(binary, array)
    return binary.getvalue()


@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f8", "<i4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_gets_the_answers_of_the_same_rows_as_text(servers, trained, kind, order):
    schema = json.loads((trained("multiclass").model / "schema.json").read_text())
    carriers = schema["features"][0]["categories"]
    array = np.array([[0, 900, 3, 1], [1, 100, 4, 0]], dtype=kind, order=order)
    text = "\n".join(
        f"{carriers[int(row[0])]},{row[1]},{int(row[2])},{int(row[3])}" for row in array
    )
    server = servers("multiclass")
    answer = server.invoke(npy(array), NPY, Accept=JSON)
    assert answer.status == 200, answer.text
    assert answer.body == server.invoke(text, Accept=JSON).body


def test_one_row_may_be_a_vector_and_nan_is_missing(servers):
    server = servers("regression")
    answer = server.invoke(npy(np.array([0, np.nan, 3, 1])), NPY, Accept="text/csv")
    assert answer.status == 200
    assert np.isfinite(float(answer.text))


def test_answers_with_an_array_of_probabilities(servers):
    server = servers("multiclass")
    body = "UA,900,3,true\nAA,100,4,false"
    answer = server.invoke(body, Accept=NPY)
    assert answer.headers["content-type"] == NPY
    array = np.load(io.BytesIO(answer.body), allow_pickle=False)
    rows = [line.split(",")[1:] for line in server.invoke(body, Accept="text/csv").text.split("\n")]
    assert array.dtype == np.float32
    assert array.tolist() == np.array(rows, dtype=np.float32).tolist()


def test_the_numbers_of_plain_rows_are_those_of_any_other_reading(
    servers, serve, trained, tmp_path
):
    (tmp_path / "model").mkdir()
    model = (trained("multiclass").model / "model.onnx").read_bytes()
    (tmp_path / "model" / "model.onnx").write_bytes(model)
    server = serve(tmp_path)  # no schema: four plain numbers
    for row in ["2,900.5,3,1", "-2e0,9005E-1,3.0,1\n", "0,0,0,0\r\n", " 1 , 2 ,3,4"]:
        fast = server.invoke(row, Accept=JSON)
        quoted = ",".join(f'"{cell.strip()}"' for cell in row.split(","))
        assert fast.status == 200, fast.text
        assert fast.body == server.invoke(quoted, Accept=JSON).body
    for row in [
        "1,2,3",
        "1,2,\n3,4",
        "1,2,\r3,4",
        "1,2,3,true",
        "1,2,3,1e39",
        "1,2,3,[4]",
        "1,2,3,null",
        "1,2,3,1e400",
    ]:
        assert server.invoke(row).status == 400, row
    assert server.invoke("1,,nan,+4").status == 200


STREAM = """
import time
from pathlib import Path
WAITS = Path(__file__).parents[2] / "waits"
def model_fn(model_dir): return None
def predict_fn(data, model): return data
def output_fn(prediction, accept):
    def pieces():
        for number in range(int(prediction[0])):
            yield f"{number} "
            time.sleep(float(prediction[1]))
            while WAITS.exists():
                time.sleep(0.02)
        if prediction[2]:
            raise ValueError("half-way")
    return pieces(), "text/plain"
"""


@pytest.fixture
def streaming(serve, tmp_path):
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(STREAM)
    return serve(tmp_path)


def answer_of(server, body, *, then=lambda: None):
    """All that comes back; `then` is called once the first piece is there."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.send(
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    content = b""
    while piece := connection.recv(65536):
        content += piece
        if content.endswith(b"0 \r\n"):
            then()
    connection.close()
    return content


def test_sends_what_a_generator_yields_as_it_comes(streaming):
    """The next piece is not made before the client has the first one."""
    waits = streaming.base / "waits"
    waits.touch()
    content = answer_of(streaming, b"[4, 0, 0]", then=lambda: waits.unlink(missing_ok=True))
    head, _, body = content.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert b"content-type: text/plain" in head
    assert body == b"2\r\n0 \r\n2\r\n1 \r\n2\r\n2 \r\n2\r\n3 \r\n0\r\n\r\n"


def test_a_generator_that_fails_breaks_the_answer_instead_of_ending_it(streaming):
    content = answer_of(streaming, b"[2, 0, 1]")
    assert not content.endswith(b"0\r\n\r\n")
    assert streaming.invoke("[1, 0, 0]", JSON).text == "0 "
    assert "ValueError: half-way" in streaming.log()


def test_a_client_that_leaves_ends_the_generator(streaming):
    connection = socket.create_connection(("127.0.0.1", streaming.port), timeout=30)
    body = b"[1000000, 0.01, 0]"
    connection.send(
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    connection.recv(1000)
    connection.close()
    assert streaming.invoke("[1, 0, 0]", JSON).text == "0 "


def test_a_long_answer_comes_whole(streaming):
    answer = streaming.invoke("[30000, 0, 0]", JSON)
    assert answer.text == "".join(f"{number} " for number in range(30000))
