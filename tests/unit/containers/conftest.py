"""Real runs of the two container programs, each with its own interpreter and its own `/opt/ml`."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.ports import free_port
from support.training_job import ROOT, TrainingJob, environment


@pytest.fixture
def training_job(tmp_path: Path) -> TrainingJob:
    job = TrainingJob(tmp_path / "ml")
    job.configure("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
    return job


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TrainingJob]:
    """A finished training job for each kind of problem, trained once."""
    jobs: dict[str, TrainingJob] = {}

    def get(problem: str) -> TrainingJob:
        if problem not in jobs:
            job = TrainingJob(tmp_path_factory.mktemp(problem))
            finished = job.data(problem).hyperparameters().run()
            assert finished.code == 0, finished.log
            (job.base / "log").write_text(finished.log)
            jobs[problem] = job
        return jobs[problem]

    return get


@dataclass
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        content = self.json()
        assert list(content) == ["error"]
        return str(content["error"])


@dataclass
class Server:
    """A running inference server and the one thing done with it: sending requests."""

    process: subprocess.Popen[str]
    port: int
    base: Path
    _log: str = field(default="", repr=False)

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, names)
            response = connection.getresponse()
            return Answer(response.status, response.read(), dict(response.getheaders()))
        finally:
            connection.close()

    def ping(self) -> int | None:
        with suppress(OSError, http.client.HTTPException):
            return self.request("GET", "/ping").status
        return None

    def invoke(
        self, body: str | bytes, content_type: str | None = "text/csv", **headers: str
    ) -> Answer:
        if content_type is not None:
            headers["Content_Type"] = content_type
        content = body.encode() if isinstance(body, str) else body
        return self.request("POST", "/invocations", content, **headers)

    def wait(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while self.ping() != 200:
            assert self.process.poll() is None, f"the server ended: {self.log()}"
            assert time.monotonic() < deadline, f"no 200 on /ping after {seconds} s"
            time.sleep(0.02)

    def children(self) -> list[int]:
        pid = self.process.pid
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def worker(self) -> int:
        """The one process that answers, once the waiting room is gone."""
        deadline = time.monotonic() + 60
        while len(found := self.children()) != 1:
            assert time.monotonic() < deadline, f"there are {len(found)} workers"
            time.sleep(0.02)
        return found[0]

    def log(self) -> str:
        """Everything the server printed; ends it first if need be."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=60)
        self._log += output or ""
        return self._log


Serve = Callable[..., Server]


@pytest.fixture(scope="session")
def serve() -> Iterator[Serve]:
    """Start a server on a model folder; every one of them is dead at the end."""
    servers: list[Server] = []

    def start(base: Path, *, wait: bool = True, **extra: str) -> Server:
        port = free_port()
        process = subprocess.Popen(
            [ROOT / ".venvs/inference_server/bin/python", "-m", "inference_server", "serve"],
            env=environment(base, **{"SAGEMAKER_BIND_TO_PORT": str(port), **extra}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        server = Server(process, port, base)
        servers.append(server)
        if wait:
            server.wait()
        return server

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()


@pytest.fixture(scope="session")
def servers(trained: Callable[[str], TrainingJob], serve: Serve) -> Callable[[str], Server]:
    """A server for each kind of problem, started once."""
    running: dict[str, Server] = {}

    def get(problem: str) -> Server:
        if problem not in running:
            running[problem] = serve(trained(problem).base)
        return running[problem]

    return get
