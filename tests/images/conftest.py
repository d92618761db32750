"""Images built once for each content, and containers of them that end with their test."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.local_aws_server import free_port

from ops import build_images

START_SECONDS = 60
# /ping and the health check are asked as often as it takes; a container ends within this.
STOP_SECONDS = 60


@pytest.fixture(scope="session")
def engine() -> str:
    """The engine the environment names; without one this suite was asked for by mistake."""
    name = os.environ.get("LOCAL_AWS_ENGINE_TEST", "")
    if not name or not os.environ.get("LOCAL_AWS_ENGINE_BASE"):
        pytest.fail("set LOCAL_AWS_ENGINE_TEST=podman or docker, and LOCAL_AWS_ENGINE_BASE")
    return name


@pytest.fixture(scope="session")
def image(engine: str) -> Callable[..., build_images.Built]:
    """Build a container's image on the base the environment names."""
    base = os.environ.get("LOCAL_AWS_ENGINE_BASE")

    def build(name: str, *options: str) -> build_images.Built:
        return build_images.build(engine, name, base=base, options=options)

    return build


@dataclass
class Container:
    """A container of one image that was started and not yet removed."""

    engine: str
    name: str
    port: int

    def ask(self, path: str, body: bytes | None = None, *, seconds: float = 30) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", body, {"Content-Type": "text/csv"}
        )
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310 our own
            return bytes(answer.read())

    def ready(self) -> Container:
        """/ping is answered with 200."""
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                self.ask("/ping", seconds=2)
                return self
            except OSError:
                assert self.state()["Running"], self.log()
                assert time.monotonic() < until, f"no 200 within {START_SECONDS} s: {self.log()}"
                time.sleep(0.1)

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self._say("inspect", "--format", "{{json .State}}", self.name)))

    def health(self) -> str:
        """What the image's own HEALTHCHECK says; podman is asked to run it, docker does by itself.

        (Podman leaves the clock to systemd, which is not everywhere.)
        """
        until = time.monotonic() + START_SECONDS
        while True:
            if self.engine == "podman":
                command = [self.engine, "healthcheck", "run", self.name]
                subprocess.run(command, capture_output=True, timeout=STOP_SECONDS, check=False)
            status = str(self.state()["Health"]["Status"])
            if status != "starting" or time.monotonic() > until:
                return status
            time.sleep(0.5)

    def users(self) -> set[int]:
        """The user ids of the container's processes, as the kernel has them."""
        first = self.state()["Pid"]
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        found = [Path(f"/proc/{pid}/status").read_text() for pid in (first, *children)]
        return {
            int(line.split()[2])  # Uid: real effective saved
            for text in found
            for line in text.splitlines()
            if line.startswith("Uid:")
        }

    def stop(self) -> int:
        """The exit code, after SIGTERM."""
        self.signal("TERM")
        return self.ended()

    def signal(self, name: str) -> None:
        self._say("kill", "--signal", name, self.name)

    def ended(self) -> int:
        """The exit code of a container that ends by itself."""
        return int(self._say("wait", self.name))

    def log(self) -> str:
        done = subprocess.run(
            [self.engine, "logs", self.name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STOP_SECONDS,
            check=False,
        )
        return done.stdout

    def _say(self, *words: str) -> str:
        done = subprocess.run(
            [self.engine, *words], capture_output=True, text=True, timeout=600, check=True
        )
        return done.stdout


Start = Callable[..., Container]


@pytest.fixture
def start(engine: str) -> Iterator[Start]:
    """Run an image as SageMaker does, with a root that cannot be written to.

    `mounts` are (source, target, read-only). A daemon is root and we may not be: what `mine` writes
    is ours to read and to remove.
    """
    started: list[Container] = []

    def run(
        built: build_images.Built,
        *words: str,
        mounts: Sequence[tuple[Path, str, bool]] = (),
        mine: bool = False,
        **variables: str,
    ) -> Container:
        port = free_port()
        name = f"image-test-{port}"
        command = [*build_images.runner(engine), "--detach", "--name", name, "--pull=never"]
        command += ["--read-only", "--tmpfs", "/tmp"]  # noqa: S108  the container's own
        if mine and engine == "docker" and os.geteuid() != 0:
            command += ["--user", f"{os.geteuid()}:{os.getegid()}"]
        for source, target, read_only in mounts:
            options = ",readonly" if read_only else ""
            command += ["--mount", f"type=bind,source={source},target={target}{options}"]
        for key, value in {"SAGEMAKER_BIND_TO_PORT": str(port), **variables}.items():
            command += ["--env", f"{key}={value}"]
        subprocess.run(
            [*command, built.tag, *words], capture_output=True, timeout=START_SECONDS, check=True
        )
        started.append(Container(engine=engine, name=name, port=port))
        return started[-1]

    yield run
    for one in started:
        subprocess.run(
            [engine, "rm", "--force", one.name],
            capture_output=True,
            timeout=STOP_SECONDS,
            check=False,
        )


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Waits, at most 30 seconds, until what is asked is true, and returns it."""

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 30
        while not (value := condition()):
            assert time.monotonic() < deadline, "it never became true"
            time.sleep(0.2)
        return value

    return wait
