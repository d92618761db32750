"""Several processes on one port: killed ones come back, stopped ones lose nothing."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from support.inference_server import PYTHON
from support.training_job import ROOT

WHO = """
import os, time
def model_fn(model_dir): return os.getpid()
def predict_fn(data, model):
    time.sleep(float(data[0]))
    return model
"""
JSON = "application/json"


@pytest.fixture
def script_base(tmp_path):
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(WHO)
    return tmp_path


def workers_seen(server, tries=60):
    return {server.invoke("[0]", JSON).json() for _ in range(tries)}


def until(condition):
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < deadline, "not within a minute"
        time.sleep(0.02)
    return found


def test_starts_as_many_workers_as_it_is_told_to(serve, script_base):
    server = serve(script_base, SAGEMAKER_MODEL_SERVER_WORKERS="3")
    until(lambda: len(workers_seen(server)) == 3)
    assert server.request("GET", "/execution-parameters").json()["MaxConcurrentTransforms"] == 3
    ready = [json.loads(line) for line in server.log().splitlines() if '"ready"' in line]
    assert {line["worker"] for line in ready} == {1, 2, 3}


def test_a_killed_worker_is_replaced_and_ping_stays_right(serve, trained):
    server = serve(trained("binary").base, SAGEMAKER_MODEL_SERVER_WORKERS="2")
    before = set(until(lambda: len(c := server.children()) == 2 and c))
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in (c := server.children()) and len(c) == 2)
    until(lambda: server.ping() == 200)
    assert server.invoke("UA,1,2,1").status == 200
    assert "a worker ended and is replaced" in server.log()


def test_answers_again_after_the_only_worker_was_killed(serve, script_base):
    server = serve(script_base)
    first = server.invoke("[0]", JSON).json()
    os.kill(first, signal.SIGKILL)
    seen = set()

    def answers():
        ping = server.ping()
        seen.add(ping)
        return ping == 200

    until(lambda: first not in server.children())
    until(answers)
    assert seen <= {None, 503, 200}
    assert server.invoke("[0]", JSON).json() != first


def test_after_the_first_200_on_ping_no_request_is_told_that_the_model_loads(serve, script_base):
    server = serve(script_base, SAGEMAKER_MODEL_SERVER_WORKERS="2")
    assert {server.invoke("[0]", JSON).status for _ in range(40)} == {200}


def test_a_model_that_crashes_its_process_fails_that_request_and_no_other(serve, script_base):
    (script_base / "model/code/inference.py").write_text(
        "import os\ndef model_fn(d): return 1\n"
        "def predict_fn(data, model):\n    if data[0]: os.abort()\n    return 7\n"
    )
    server = serve(script_base)
    with pytest.raises(OSError, match=r"Remote end closed|reset"):
        server.invoke("[1]", JSON)
    until(lambda: server.ping() == 200)
    assert server.invoke("[0]", JSON).json() == 7


def test_a_request_that_takes_too_long_is_a_504_and_the_next_one_is_answered(serve, script_base):
    server = serve(script_base, SAGEMAKER_MODEL_SERVER_TIMEOUT="5")
    answer = server.invoke("[60]", JSON)
    assert (answer.status, answer.error) == (504, "the model gave no answer after 5 s")
    until(lambda: server.ping() == 200)
    assert server.invoke("[0]", JSON).status == 200


def test_sigterm_drains_every_worker(serve, script_base):
    server = serve(script_base, SAGEMAKER_MODEL_SERVER_WORKERS="2")
    until(lambda: len(workers_seen(server)) == 2)
    statuses, lost = [], []
    stop = threading.Event()

    def client():
        while not stop.is_set():
            try:
                statuses.append(server.invoke("[0.01]", JSON).status)
            except ConnectionRefusedError:
                return  # never accepted
            except OSError as error:
                lost.append(error)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    until(lambda: len(statuses) > 20)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0
    stop.set()
    for thread in clients:
        thread.join()
    assert not lost
    assert set(statuses) == {200}


def test_who_has_connected_and_not_asked_yet_is_still_answered(serve, script_base):
    server = serve(script_base)
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(1.5)  # idle connections that were answered before are closed by then
    connection.send(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
    assert server.process.wait(timeout=60) == 0


def test_workers_end_when_their_supervisor_is_killed(serve, script_base):
    server = serve(script_base, SAGEMAKER_MODEL_SERVER_WORKERS="2")
    workers = until(lambda: len(c := server.children()) == 2 and c)
    server.process.kill()
    server.process.wait()
    until(lambda: not any(_runs(worker) for worker in workers))


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


LAST_WORD = """
import os, socket
from inference_server import supervisor, worker
from inference_server.settings import read_settings
one = supervisor.Supervisor(read_settings({}), socket.create_server(("127.0.0.1", 0)))
one._fork(1, lambda report: os.write(report, worker.FAILED + b"no such model"))
os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
one._reap()
print(one._failure, one._due)
"""


def test_the_last_word_of_a_worker_is_heard_also_after_its_end():
    done = subprocess.run(
        [PYTHON, "-c", LAST_WORD],
        env={"PYTHONPATH": str(ROOT / "containers")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "no such model {}\n"


WAITS = """
import pathlib, time
def model_fn(model_dir): return pathlib.Path(model_dir).parent / "waits"
def predict_fn(data, model):
    while model.exists():
        time.sleep(0.02)
    return 1
"""


def test_bodies_that_wait_for_a_slow_script_count_until_they_are_answered(serve, script_base):
    """Each is complete, so none of them waits for its client any more; all the same they are held.

    The limit is 256 MB, where sixteen of the largest bodies are less.
    """
    (script_base / "model/code/inference.py").write_text(WAITS)
    waits = script_base / "waits"
    waits.touch()
    server = serve(
        script_base, SAGEMAKER_MAX_PAYLOAD_IN_MB="2", SAGEMAKER_MODEL_SERVER_TIMEOUT="300"
    )
    body = b"[0" + b" " * (2 * 1024**2 - 3) + b"]"
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    whole = head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    before = resident(server)
    connections = []
    for _ in range(200):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        connections.append(connection)
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(whole)
    most = resident(server) - before
    waits.unlink()
    statuses = []
    for connection in connections:
        with suppress(ConnectionResetError):
            statuses.append(connection.recv(1000)[9:12])
        connection.close()
    assert set(statuses) == {b"200", b"503"}
    assert statuses.count(b"200") > 100
    assert most < 320 * 1024**2
    # All of it is given back: as many again are taken.
    for gone in range(150):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        connection.sendall(whole)
        if gone % 2:
            assert connection.recv(1000)[9:12] == b"200"
        connection.close()
    assert server.invoke("[0]", JSON).status == 200


def resident(server):
    return int(Path(f"/proc/{server.worker()}/statm").read_text().split()[1]) * 4096
