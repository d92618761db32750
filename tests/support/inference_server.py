"""A running inference server for tests that mistreat it, and raw connections to do it with."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from support.ports import free_port
from support.training_job import FEATURES, ROOT, environment

GOOD = b"1,2,3,4"
HANGS_SECONDS = 30  # no answer takes so long, on however busy a machine
PYTHON = ROOT / ".venvs/inference_server/bin/python"
# A classifier of two classes on four numbers, made where `onnx` is installed.
MAKE_MODEL = """
import sys
from onnx import TensorProto, helper, save
names = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, w])
         for n, w in (("features", 4), ("probabilities", 2))]
weights = helper.make_tensor("w", TensorProto.FLOAT, [4, 2], [.1, -.1, .2, -.2, .3, 0, 0, .1])
nodes = [helper.make_node("MatMul", ["features", "w"], ["x"]),
         helper.make_node("Softmax", ["x"], ["probabilities"])]
graph = helper.make_graph(nodes, "g", names[:1], names[1:], [weights])
save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8),
     sys.argv[1])
"""


def make_model(base: Path, *, schema: bool = True) -> Path:
    """A small model under `base`; with a schema it has a category, numbers and a boolean."""
    (base / "model").mkdir(parents=True)
    python = ROOT / ".venvs/trainer/bin/python"
    subprocess.run([python, "-c", MAKE_MODEL, base / "model" / "model.onnx"], check=True)
    if schema:
        content = {"format": 1, "target": {"classes": ["no", "yes"]}, "features": FEATURES}
        (base / "model" / "schema.json").write_text(json.dumps(content))
    return base


@dataclass
class Running:
    """One server."""

    process: subprocess.Popen[bytes]
    port: int
    base: Path

    def workers(self) -> list[int]:
        """The processes that answer, and the one that starts them is not among them."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return [int(child) for child in children.read_text().split()]

    def resident(self) -> int:
        """Bytes of all its processes."""
        total = 0
        for pid in (self.process.pid, *self.workers()):
            with suppress(OSError):
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                total += pages * os.sysconf("SC_PAGE_SIZE")
        return total

    def connect(self, seconds: float = HANGS_SECONDS) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def exchange(self, content: bytes, seconds: float = HANGS_SECONDS) -> bytes:
        """All that comes back for some bytes, after which nothing more is sent."""
        with self.connect(seconds) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(content)
                connection.shutdown(socket.SHUT_WR)
            found = b""
            with suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    found += piece
            return found

    def invoke(
        self, body: bytes = GOOD, kind: str = "text/csv", seconds: float = HANGS_SECONDS
    ) -> bytes:
        return self.exchange(request(body, kind), seconds)

    def ping(self, seconds: float = HANGS_SECONDS) -> int | None:
        """The status of /ping; None when there is no answer in time."""
        with suppress(OSError):
            return status(self.exchange(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n", seconds))
        return None

    def until_healthy(self, seconds: float = 60) -> float:
        """The seconds it took."""
        began = time.monotonic()
        while self.ping() != 200:
            assert self.process.poll() is None, "the server ended"
            assert time.monotonic() - began < seconds, f"no 200 on /ping after {seconds} s"
            time.sleep(0.01)
        return time.monotonic() - began


def everything(connection: socket.socket) -> bytes:
    """All that comes until the other end closes."""
    content = b""
    try:
        while piece := connection.recv(65536):
            content += piece
    except ConnectionResetError:
        pass
    return content


def request(body: bytes, kind: str = "text/csv", extra: str = "") -> bytes:
    head = f"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\n{extra}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


def status(answer: bytes) -> int | None:
    """The status of an answer's first line."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else None


def answers(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Status and body of each answer to what was sent on one connection."""
    while content:
        head, _, content = content.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        size = int(length[1]) if length else 0
        yield status(head) or 0, content[:size]
        content = content[size:]


def sent_at_once(
    port: int, bodies: Sequence[str], accepts: Sequence[str] = ("*/*",)
) -> list[tuple[int, bytes]]:
    """The answers to requests that are all there before the server can look at one of them."""
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in bodies]
    for connection in connections:  # so that every one has been accepted
        connection.send(b"GET /ping HTTP/1.1\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    for number, (connection, body) in enumerate(zip(connections, bodies, strict=True)):
        head = "POST /invocations HTTP/1.1\r\nContent-Type: text/csv\r\nConnection: close\r\n"
        head += f"Accept: {accepts[number % len(accepts)]}\r\n"
        connection.send(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    found = []
    for connection in connections:
        content = b""
        while piece := connection.recv(65536):
            content += piece
        head, _, body = content.partition(b"\r\n\r\n")
        found.append((int(head.split()[1]), body))
        connection.close()
    return found


def quantile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


@contextmanager
def running(
    base: Path, *, python: Path = PYTHON, patience: float = 60, **extra: str
) -> Iterator[Running]:
    """A healthy server on the model under `base`, dead at the end; its log is `base`/log."""
    port = free_port()
    log = (base / "log").open("wb")
    process = subprocess.Popen(
        [python, "-m", "inference_server", "serve"],
        env=environment(base, **{"SAGEMAKER_BIND_TO_PORT": str(port), **extra}),
        stdout=log,
        stderr=log,
    )
    log.close()
    server = Running(process, port, base)
    try:
        server.until_healthy(patience)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
        process.kill()
        process.wait(timeout=10)
