"""Clients that are slow, that lie, that never stop: each is dealt with, and nobody else waits."""

import json
import re
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest
from support.inference_server import everything

HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"


@pytest.fixture(scope="module")
def server(serve, trained):
    return serve(
        trained("binary").base, SAGEMAKER_MAX_PAYLOAD_IN_MB="1", INFERENCE_MAX_CONNECTIONS="20"
    )


@pytest.fixture
def client(server):
    opened = []

    def connect():
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()


def first(connection):
    return connection.recv(65536).partition(b"\r\n")[0].decode()


def test_more_slow_clients_than_connections_keep_no_good_one_out(server, client):
    slow = [client() for _ in range(40)]
    for connection in slow:
        with suppress(OSError):  # it has made room already
            connection.send(b"POST /invocations HT")
    for _ in range(10):
        began = time.monotonic()
        assert server.ping() == 200
        assert server.invoke("UA,1,2,1").status == 200
        assert time.monotonic() - began < 9  # and not the ten of a head that never ends


def test_a_head_that_never_ends_in_time_is_a_408(client):
    connection = client()
    connection.send(HEAD)
    began = time.monotonic()
    assert first(connection) == "HTTP/1.1 408 Request Timeout"
    assert 8 < time.monotonic() - began < 40


def test_a_connection_on_which_nothing_is_said_is_closed(client):
    assert everything(client()) == b""


def test_a_head_that_is_too_large_is_a_431(client):
    connection = client()
    connection.send(HEAD + b"x-a: " + b"a" * 40_000)
    assert first(connection) == "HTTP/1.1 431 Request Header Fields Too Large"


def test_trailers_without_end_are_a_431(client):
    connection = client()
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nU\r\n0\r\n")
    with suppress(ConnectionResetError, BrokenPipeError):
        for _ in range(100):
            connection.send(b"x-a: " + b"a" * 1000 + b"\r\n")
            time.sleep(0.001)
    assert first(connection) == "HTTP/1.1 431 Request Header Fields Too Large"


def test_lengths_of_chunks_that_come_alone_are_no_trailers(client):
    connection = client()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for piece in (b"UA,1,2,", b"1"):
        connection.send(b"%x;%b\r\n" % (len(piece), b"a" * 20_000))
        time.sleep(0.02)
        connection.send(piece)
        time.sleep(0.02)
        connection.send(b"\r\n")
    connection.send(b"0\r\n\r\n")
    assert first(connection) == "HTTP/1.1 200 OK"


def test_chunks_without_end_are_a_413_and_then_the_end(client):
    connection = client()
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    began = time.monotonic()
    with suppress(ConnectionResetError, BrokenPipeError):
        while time.monotonic() - began < 60:
            connection.send(chunk)
    assert time.monotonic() - began < 50


BROKEN = {
    "two lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "a length and chunks": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length that is no number": b"Content-Length: many\r\n\r\n",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a length beyond 64 bits": b"Content-Length: 99999999999999999999999\r\n\r\n",
    "a chunk size that is no number": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a folded header": b"X-A: 1\r\n folded\r\n\r\n",
    "a NUL in a header": b"X-A: 1\0\r\n\r\n",
}


@pytest.mark.parametrize("fault", BROKEN)
def test_refuses_and_closes_on(client, fault):
    connection = client()
    connection.send(HEAD + BROKEN[fault])
    answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"connection: close" in answer
    assert "error" in json.loads(answer.partition(b"\r\n\r\n")[2])


def test_garbage_is_a_400(client):
    connection = client()
    connection.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # a TLS hello
    assert first(connection) == "HTTP/1.1 400 Bad Request"


def test_a_body_longer_than_it_says_is_another_request_and_a_bad_one(client):
    connection = client()
    connection.send(HEAD + b"Content-Length: 8\r\n\r\nUA,1,2,1UA,1,2,1\r\n\r\n")
    answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"HTTP/1.1 400 Bad Request" in answer


def test_answers_pipelined_requests_in_their_order(client):
    connection = client()
    bad, good = b"Content-Length: 4\r\n\r\nUA,1", b"Content-Length: 8\r\n\r\nUA,1,2,1"
    connection.send(b"".join(HEAD + body for body in [good, bad] * 10))
    connection.shutdown(socket.SHUT_WR)
    statuses = re.findall(rb"HTTP/1.1 (\d+)", everything(connection))
    assert statuses == [b"200", b"400"] * 10


def test_a_write_with_thousands_of_requests_is_answered_and_so_are_the_next(server, client):
    """Small requests are answered at once: each from within the answer to the one before, once."""
    connection = client()
    row = HEAD + b"Content-Length: 8\r\n\r\nUA,1,2,1"
    pings = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" * 3000
    connection.send(row + pings + row)
    connection.shutdown(socket.SHUT_WR)
    assert len(re.findall(rb"HTTP/1.1 200 OK", everything(connection))) == 3002
    assert server.invoke("UA,1,2,1").status == 200


MIXED = [
    HEAD + b"Content-Length: 8\r\n\r\nUA,1,2,1",
    b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n",
    HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n3\r\nUA,\r\n5\r\n1,2,1\r\n0\r\nAccept: text/csv\r\n\r\n",
    HEAD + b"Content-Length: 4\r\n\r\nUA,1",
    b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
    HEAD + b"Content-Length: 8\r\nConnection: close\r\n\r\nUA,1,2,1",
]


def test_it_is_all_the_same_where_requests_are_torn_apart(client):
    content = b"".join(MIXED)
    whole = b""
    for place in range(len(content)):
        connection = client()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.send(content[:place])
        time.sleep(0.002)
        connection.send(content[place:])
        answer = everything(connection)
        connection.close()
        whole = whole or answer
        assert answer == whole, f"torn apart before byte {place}"
    statuses = re.findall(rb"HTTP/1.1 (\d+)", whole)
    assert statuses == [b"200", b"200", b"200", b"400", b"404", b"200"]
    # What comes after a body is no header, neither of this request nor of the next one.
    assert whole.count(b"predictions") == 3


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (b"ACCEPT: text/csv", b"text/csv"),
        (b"aCCept: application/json\r\nAccept: text/csv", b"text/csv"),
        (b"Accept: text/csv\r\naccept: application/json", b"application/json"),
        (b"Accept: text/csv\r\nAccept: application/json", b"application/json"),
    ],
)
def test_names_of_headers_have_no_case_and_the_last_of_several_counts(client, written, kind):
    connection = client()
    connection.send(HEAD + written + b"\r\nContent-Length: 8\r\n\r\nUA,1,2,1")
    assert b"\r\ncontent-type: " + kind + b"\r\n" in connection.recv(65536)


def test_says_continue_to_a_client_that_waits_for_it(client):
    connection = client()
    connection.send(HEAD + b"Content-Length: 8\r\nExpect: 100-continue\r\n\r\n")
    assert first(connection) == "HTTP/1.1 100 Continue"
    connection.send(b"UA,1,2,1")
    assert first(connection) == "HTTP/1.1 200 OK"


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"


def test_answers_a_client_that_would_rather_upgrade_in_http_1_1(client):
    """A server may ignore the wish (RFC 9110, 7.8); Java's client sends it with every request."""
    connection = client()
    row, chunked = b"UA,1,2,1", b"Transfer-Encoding: chunked\r\n\r\n"
    connection.send(b"GET /ping HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n")
    assert first(connection) == "HTTP/1.1 200 OK"
    requests = [
        HEAD + UPGRADE + b"Content-Length: 8\r\n\r\n" + row,
        HEAD + UPGRADE + chunked + b"3\r\nUA,\r\n5\r\n1,2,1\r\n0\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n",
        HEAD + b"Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 4\r\n\r\nUA,1",
        HEAD + b"Content-Length: 8\r\n\r\n" + row,
        HEAD + UPGRADE + b"Connection: close\r\nContent-Length: 8\r\n\r\n" + row,
    ]
    for request in requests[:-1]:
        for size in (len(request), 7):  # at once, and in pieces
            for start in range(0, len(request), size):
                connection.send(request[start : start + size])
                time.sleep(0.001)
            expected = "400 Bad Request" if b"websocket" in request else "200 OK"
            assert first(connection) == f"HTTP/1.1 {expected}"
    connection.send(b"".join(requests))
    assert re.findall(rb"HTTP/1.1 (\d+)", everything(connection)) == [
        b"200",
        b"200",
        b"200",
        b"400",
        b"200",
        b"200",
    ]


def test_an_upgrade_gets_the_refusals_of_any_other_request(client):
    connection = client()
    connection.send(HEAD + UPGRADE + b"Content-Length: 99999999\r\n\r\n")
    assert first(connection) == "HTTP/1.1 413 Request Entity Too Large"
    connection = client()
    connection.send(HEAD + UPGRADE + b"Expect: 100-continue\r\nContent-Length: 8\r\n\r\n")
    assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.send(b"UA,1,2,1")
    assert first(connection) == "HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    "start", [b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_is_no_proxy_and_speaks_no_http_2(client, start):
    connection = client()
    connection.send(start)
    assert everything(connection).startswith((b"HTTP/1.1 501", b"HTTP/1.1 400"))


def test_what_follows_the_chunks_changes_no_header(server, client):
    body = b"Transfer-Encoding: chunked\r\n\r\n8\r\nUA,1,2,1\r\n0\r\n"
    connection = client()
    connection.send(HEAD + body + b"Content-Type: text/xml\r\nAccept: image/png\r\n\r\n")
    assert first(connection) == "HTTP/1.1 200 OK"
    connection.send(HEAD + b"Content-Length: 8\r\n\r\nUA,1,2,1")
    assert first(connection) == "HTTP/1.1 200 OK"


@pytest.mark.parametrize("name", [b"x-a: " + b"a" * 60_000, b"x-a: b\r\n" * 6000])
def test_what_follows_the_chunks_without_end_is_a_431(server, client, name):
    before = server_memory(server)
    connection = client()
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n8\r\nUA,1,2,1\r\n0\r\n")
    with suppress(ConnectionResetError, BrokenPipeError):
        for _ in range(500):
            connection.send(name)
    assert first(connection) == "HTTP/1.1 431 Request Header Fields Too Large"
    assert server_memory(server) - before < 20 * 1024**2


def server_memory(server):
    return int(Path(f"/proc/{server.worker()}/statm").read_text().split()[1]) * 4096


def test_closes_after_one_answer_over_http_1_0(client):
    connection = client()
    connection.send(b"GET /ping HTTP/1.0\r\n\r\n")
    assert everything(connection).startswith(b"HTTP/1.1 200 OK")


LARGE = """
def model_fn(model_dir): return None
def predict_fn(data, model): return "x" * data[0]
"""


@pytest.mark.parametrize("head", ["HTTP/1.1\r\nConnection: close", "HTTP/1.0"])
def test_a_client_that_asks_once_may_take_a_large_answer_slowly(serve, tmp_path, head):
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(LARGE)
    server = serve(tmp_path)
    size = 20_000_000  # far more than the kernel keeps for a client
    content = f"POST /invocations {head}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(f"{content}Content-Length: 10\r\n\r\n[{size}]".encode())
        time.sleep(2.5)  # clients are looked after every second
        assert everything(connection).count(b"x") == size


def test_a_client_that_leaves_in_the_middle_is_forgotten(server, client):
    for body in (b"", b"Content-Length: 100\r\n\r\nUA", b"Content-Length: 8\r\n\r\nUA,1,2,1"):
        connection = client()
        connection.send(HEAD + body)
        connection.close()
    assert server.ping() == 200


def test_lives_on_after_all_of_them(server):
    assert server.invoke("UA,1,2,1").status == 200
    assert '"the model failed"' not in server.log()
