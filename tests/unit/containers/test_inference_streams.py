"""Scripts whose answers come in pieces, and which do not end well."""

import asyncio
import json
import socket
import subprocess
import time
from types import SimpleNamespace

import pytest
from support.inference_server import PYTHON, everything
from support.training_job import ROOT

from inference_server import streaming
from inference_server.dispatch import Dispatcher
from inference_server.models.base import Answer

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
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    body = b"[100000000]"
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    connection.send(head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    connection.recv(1000)
    connection.close()
    assert server.invoke("[1]", JSON).text == "0 "
    lines = [json.loads(line) for line in server.log().splitlines()]
    assert any("could not be closed" in line["message"] for line in lines)
    assert not any("is replaced" in line["message"] for line in lines)


STALLS = """
import time
def model_fn(model_dir): return None
def predict_fn(data, model): return data
def output_fn(prediction, accept):
    def pieces():
        for pause in prediction:
            yield "piece "
            time.sleep(float(pause))
        yield "end"
    return pieces(), "text/plain"
"""


def test_a_generator_that_stalls_is_given_up_on_and_its_worker_replaced(serve, tmp_path):
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(STALLS)
    server = serve(tmp_path, SAGEMAKER_MODEL_SERVER_TIMEOUT="5")
    # Longer than the limit in all, never as long between two pieces.
    assert server.invoke("[0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]", JSON).text == "piece " * 7 + "end"
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    body = b"[600]"
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    connection.send(head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    content = everything(connection)
    assert content.count(b"HTTP/1.1") == 1
    assert content.endswith(b"6\r\npiece \r\n")  # cut off, not ended
    server.wait()
    assert server.invoke("[0]", JSON).text == "piece end"
    lines = [json.loads(line) for line in server.log().splitlines()]
    assert any("this worker is replaced" in line["message"] for line in lines)
    assert any(line.get("status") == 504 for line in lines)


LATE = """
import time
def model_fn(model_dir): return None
def predict_fn(data, model): return data
def output_fn(prediction, accept):
    def pieces():
        time.sleep(1.3)
        yield "late"
    return pieces(), "text/plain"
"""


def test_what_comes_after_the_504_is_no_answer_to_the_clients_next_request(serve, tmp_path):
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(LATE)
    server = serve(tmp_path, SAGEMAKER_MODEL_SERVER_TIMEOUT="1")
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    connection.send(2 * (head + b"Content-Length: 2\r\n\r\n[]"))
    content = everything(connection)
    assert content.startswith(b"HTTP/1.1 504")
    assert b"connection: close" in content
    assert content.count(b"HTTP/1.1") == 1
    assert b"late" not in content


class Stream:
    """A request whose client takes everything, and a model that never stops."""

    inline_bytes = -1
    body, headers, gone = b"", {}, False

    def __init__(self):
        self.connection = self
        self.transport = object()
        self.writable = True
        self.complete = None
        self.pieces = 0

    def begin_chunks(self, answer): ...

    def send_chunk(self, content):
        self.pieces += 1

    def end_chunks(self, *, complete):
        self.complete = complete
        self.transport = None

    def answer(self, request):
        def pieces():
            while self.transport is not None:
                time.sleep(0.02)
                yield b"piece"

        return Answer(b"", "text/plain", chunks=pieces())


def test_a_stream_ends_after_its_minutes_in_all(monkeypatch):
    monkeypatch.setattr(streaming, "STREAM_SECONDS", 6)
    loop = asyncio.new_event_loop()
    stream, outcomes = Stream(), []
    dispatcher = Dispatcher(
        stream,
        loop,
        most=1,
        seconds=5,
        done=lambda batch, found: outcomes.extend(found),
        stuck=loop.stop,
    )
    began = time.monotonic()
    dispatcher.submit(stream)
    loop.call_later(60, loop.stop)
    loop.run_forever()
    assert 6 <= time.monotonic() - began < 50
    assert stream.complete is False
    assert stream.pieces > 5
    assert [outcome.status for outcome in outcomes] == [504]
    loop.close()


ONE_BAD = """
import asyncio
from inference_server.app import Application
from inference_server.models.base import Answer
from inference_server.settings import read_settings

class Echo:
    inline_bytes = 100
    def answer(self, request): return Answer(request.body, "text/plain")
    def answer_many(self, requests): return [self.answer(one) for one in requests]
    def prove(self): ...

class Client:
    path, method, started, gone, headers = b"/invocations", b"POST", 0.0, False, {}
    transport = True
    def __init__(self, body): self.body, self.connection = body, self
    def reply(self, answer):
        if answer.body == b"bad":
            raise RecursionError("too deep")
        given.append(answer.body[:4].decode())
    def give_up(self): broken.append(self.body.decode())

async def until(answered):
    while len(given) + len(broken) < answered:
        await asyncio.sleep(0.01)

loop = asyncio.new_event_loop()
given, broken = [], []
application = Application(read_settings({}), loop, Echo())
for answered, bodies in ((3, [b"a", b"bad", b"b"]), (4, [b"c"]), (6, [b"long" * 50, b"d"])):
    for body in bodies:
        application.handle(Client(body))
    loop.run_until_complete(until(answered))
print(*sorted(given), end="")
print("; broken:", *broken, flush=True)
"""


class Echo:
    """A model that answers what it was asked."""

    inline_bytes = 100

    def answer(self, request):
        return Answer(request.body, "text/plain")

    def answer_many(self, requests):
        return [self.answer(request) for request in requests]

    def prove(self): ...


def test_one_answer_that_cannot_be_given_stops_no_other():
    """In the server's own environment, whose libraries this one has not."""
    done = subprocess.run(
        [PYTHON, "-c", ONE_BAD],
        env={"PYTHONPATH": str(ROOT / "containers")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "a b c d long; broken: bad"
    assert "RecursionError: too deep" in done.stderr


def test_requests_are_answered_after_a_turn_that_could_not_be_told():
    loop = asyncio.new_event_loop()
    told = []

    def done(batch, outcomes):
        told.extend(outcome.body for outcome in outcomes)
        loop.stop()
        if told[-1] == b"bad":
            raise OSError("no log")

    dispatcher = Dispatcher(Echo(), loop, most=8, seconds=60, done=done, stuck=loop.stop)
    for body in (b"bad", b"a", b"x" * 200, b"b"):
        there = SimpleNamespace(transport=object())
        dispatcher.submit(SimpleNamespace(body=body, headers={}, gone=False, connection=there))
        loop.run_forever()
    assert told == [b"bad", b"a", b"x" * 200, b"b"]
    loop.close()
