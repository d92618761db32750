"""Scripts whose answers come in pieces, and which do not end well."""

import json
import socket

import pytest

JSON = "application/json"
SCRIPT = """
def model_fn(model_dir): return None
def predict_fn(data, model): return data
def output_fn(prediction, accept):
    def pieces():
        try:
            for number in range(int(prediction[0])):
                yield f"{number} "
        except GeneratorExit:
            raise ENDING
    return pieces(), "text/plain"
"""
ENDINGS = ["ValueError('cannot close')", "SystemExit('cannot close')", "KeyboardInterrupt()"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_generator_that_cannot_be_closed_costs_nobody_else_an_answer(serve, tmp_path, ending):
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(SCRIPT.replace("ENDING", ending))
    server = serve(tmp_path, SAGEMAKER_MODEL_SERVER_WORKERS="1")
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    body = b"[100000000]"
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    connection.send(head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    connection.recv(1000)
    connection.close()
    assert server.invoke("[1]", JSON).text == "0 "
    lines = [json.loads(line) for line in server.log().splitlines()]
    assert any("could not be closed" in line["message"] for line in lines)
    assert not any("is replaced" in line["message"] for line in lines)
