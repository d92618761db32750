"""A container that an engine runs for a test: asked, watched and ended."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Of a program that is emulated, too: ARCH=arm64 on an amd64 machine.
START_SECONDS = 60
# /ping and the health check are asked as often as it takes; a container ends within this.
STOP_SECONDS = 60


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
