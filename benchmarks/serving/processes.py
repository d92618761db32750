"""A server as a tree of processes on one core, and what it takes of CPU and memory."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

START_SECONDS = 120
_TICK = os.sysconf("SC_CLK_TCK")


class Tree:
    """A process and everything it started."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], core: int) -> None:
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def pids(self) -> list[int]:
        """All that run now."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):  # Java's threads fork
                with contextlib.suppress(OSError):
                    todo += map(int, children.read_text().split())
        return found

    def cpu_seconds(self) -> float:
        """User and system time, with that of children that have ended."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += sum(map(int, fields[11:15]))
        return total / _TICK

    def pss_bytes(self) -> int:
        """Memory, with what several processes share divided among them."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) * 1024
        return total

    def stop(self) -> None:
        """End all of them."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=30)


@contextlib.contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], *, core: int, port: int
) -> Iterator[tuple[Tree, float]]:
    """The tree once /ping has answered 200, and the CPU seconds until then."""
    tree = Tree(command, environment, core)
    try:
        deadline = time.monotonic() + START_SECONDS
        while _ping(port) != 200:
            if tree.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(command)} does not answer on port {port}")
            time.sleep(0.01)
        yield tree, tree.cpu_seconds()
    finally:
        tree.stop()


def _ping(port: int) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
