"""The wrapper of the vLLM image, run with its own interpreter and a stand-in for the server."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.ports import free_port

ROOT = Path(__file__).parents[3]
STUB = ROOT / "tests" / "support" / "stub_vllm" / "vllm"
PYTHON = ROOT / ".venvs" / "vllm" / "bin" / "python"


@dataclass
class Wrapped:
    """The wrapper, from its start to its end."""

    process: subprocess.Popen[str]
    port: int

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def post(self, body: dict[str, Any]) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/invocations",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 our own server
            return bytes(answer.read())

    def wait(self) -> Wrapped:
        """The server answers /ping."""
        until = time.monotonic() + 60
        while True:
            try:
                self.get("/ping")
                return self
            except OSError:
                assert self.process.poll() is None, self.end()
                assert time.monotonic() < until, "no answer to /ping within 60 s"
                time.sleep(0.02)

    def end(self) -> tuple[int, str]:
        """Exit code and what was said on stderr."""
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGTERM)
        return self.end()


Start = Callable[..., Wrapped]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the wrapper with these variables; weights lie in its model folder unless told not."""
    running: list[Wrapped] = []

    def start(*arguments: str, weights: bool = True, **variables: str) -> Wrapped:
        (tmp_path / "ml" / "model").mkdir(parents=True, exist_ok=True)
        if weights:
            (tmp_path / "ml" / "model" / "config.json").write_text("{}")
        port = free_port()
        environment = {
            "PATH": f"{PYTHON.parent}:{STUB.parent}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT / "containers"),
            "VIRTUAL_ENV": str(PYTHON.parent.parent),
            "SAGEMAKER_BASE_DIR": str(tmp_path / "ml"),
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "AWS_EC2_METADATA_DISABLED": "true",
            **variables,
        }
        process = subprocess.Popen(
            [str(PYTHON), "-m", "vllm", *(arguments or ("serve",))],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(Wrapped(process, port))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()
