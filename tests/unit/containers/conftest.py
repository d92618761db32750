"""Real runs of the two container programs, each with its own interpreter and its own `/opt/ml`."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
CLASSES = {"binary": ["no", "yes"], "multiclass": ["Adelie", "Chinstrap", "Gentoo"]}
FEATURES: list[dict[str, Any]] = [
    {"name": "carrier", "type": "category", "categories": ["AA", "B6", "UA"], "required": False},
    {"name": "distance", "type": "number", "required": False},
    {"name": "month", "type": "integer", "required": False},
    {"name": "night", "type": "boolean", "required": False},
]


def schema(problem: str) -> dict[str, Any]:
    """The schema.json of a small dataset of that kind."""
    return {
        "format": 1,
        "dataset": "tiny",
        "version": "0123456789abcdef",
        "problem": problem,
        "target": {"name": "outcome", "classes": CLASSES.get(problem)},
        "features": FEATURES,
    }


def table(problem: str, rows: int, seed: int) -> np.ndarray[Any, Any]:
    """Rows whose target follows from the features with some noise; every 13th value is missing."""
    random = np.random.default_rng(seed)
    carrier = random.integers(0, 3, rows)
    distance = random.normal(800, 300, rows)
    month = random.integers(1, 13, rows)
    night = random.integers(0, 2, rows)
    score = (distance - 800) / 300 + carrier - 1 + 0.3 * night + random.normal(0, 0.3, rows)
    target = {
        "binary": (score > 0).astype(float),
        "multiclass": np.digitize(score, [-0.6, 0.6]).astype(float),
        "regression": score * 10,
    }[problem]
    features = np.column_stack([carrier, distance, month, night]).astype(float)
    features.ravel()[::13] = np.nan
    return np.column_stack([target, features])


def as_csv(rows: np.ndarray[Any, Any]) -> str:
    """Numbers only, missing = empty: the form preprocessing writes."""
    return "".join(",".join("" if np.isnan(v) else f"{v:g}" for v in row) + "\n" for row in rows)


@dataclass
class Finished:
    code: int
    log: str
    failure: str | None


@dataclass
class TrainingJob:
    """The `/opt/ml` of one training job."""

    base: Path

    @property
    def model(self) -> Path:
        return self.base / "model"

    def channel(self, name: str, content: Mapping[str, str | bytes]) -> None:
        folder = self.base / "input" / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, body in content.items():
            (folder / file).write_bytes(body if isinstance(body, bytes) else body.encode())
        config = self._read("inputdataconfig")
        config[name] = {
            "ContentType": "text/csv",
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        }
        self.configure("inputdataconfig", config)

    def data(self, problem: str) -> TrainingJob:
        """Give the job all four channels of a small dataset."""
        self.channel("schema", {"schema.json": json.dumps(schema(problem))})
        for seed, (name, rows) in enumerate({"train": 600, "validation": 200, "test": 200}.items()):
            self.channel(name, {f"{name}.csv": as_csv(table(problem, rows, seed))})
        return self

    def hyperparameters(self, **values: str) -> TrainingJob:
        self.configure("hyperparameters", {"num_round": "15", "max_depth": "3", **values})
        return self

    def configure(self, name: str, content: Mapping[str, Any]) -> None:
        folder = self.base / "input" / "config"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(content))

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [ROOT / ".venvs/trainer/bin/python", "-m", "trainer", "train"],
            env=environment(self.base),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> Finished:
        process = self.start()
        log, _ = process.communicate(timeout=60)
        failure = self.base / "output" / "failure"
        return Finished(process.returncode, log, failure.read_text() if failure.exists() else None)

    def _read(self, name: str) -> dict[str, Any]:
        path = self.base / "input" / "config" / f"{name}.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}


def environment(base: Path, **extra: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "containers"),
        "SAGEMAKER_BASE_DIR": str(base),
        **extra,
    }


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
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
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

    def wait(self, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while self.ping() != 200:
            assert self.process.poll() is None, f"the server ended: {self.log()}"
            assert time.monotonic() < deadline, f"no 200 on /ping after {seconds} s"
            time.sleep(0.02)

    def log(self) -> str:
        """Everything the server printed; ends it first if need be."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=30)
        self._log += output or ""
        return self._log


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
