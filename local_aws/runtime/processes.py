"""Start and stop containers as processes; see `reaper` for what happens when we die first."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from local_aws import adapter
from local_aws.runtime.reaping import Reaper

_log = logging.getLogger(__name__)

TRAINING_GRACE_SECONDS = 120.0  # contracts 1.5
HOSTING_GRACE_SECONDS = 30.0  # contracts 2.1
MINIMUM_GRACE_SECONDS = 2.0  # a time factor must not turn a polite stop into a kill
TAIL_LINES = 40  # enough for a Python traceback
LONGEST_LINE = 256 * 1024  # CloudWatch Logs takes events of up to 256 KB

# The child waits for one line before it becomes the container, so that it is on the reaper's list
# before it runs a single instruction of its own: if we die in between, `read` fails and it exits.
_GATE = ("/bin/sh", "-c", 'read -r go || exit 125; exec "$@" </dev/null', "container")


def grace(seconds: float) -> float:
    """Return how long a container has between SIGTERM and SIGKILL under the time factor."""
    return max(MINIMUM_GRACE_SECONDS, adapter.scaled(seconds))


_running: set[Process] = set()
_reaper = Reaper(
    alive=lambda: [running.pid for running in list(_running)],
    started=lambda: adapter.on_shutdown(kill_all),
)


def at_end(command: Sequence[str]) -> None:
    """Have `command` run when every container was killed, also if we are killed ourselves."""
    _reaper.at_end(command)


class Process:
    """A running container: its own process group, its output as lines, its end awaited.

    `on_line` gets every line of stdout and stderr, in order, without its newline, on one thread.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        on_line: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.argv = tuple(argv)
        self._on_line = on_line
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._ended = threading.Event()
        self.ended_at = float("inf")  # when process 1 did, by time.monotonic()
        self._popen = subprocess.Popen(  # noqa: S603  the image's own entrypoint
            [*_GATE, *argv],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # one pipe keeps the order a person expects
            start_new_session=True,
        )
        self.pid: int = self._popen.pid
        _running.add(self)
        _reaper.tell("+", self.pid)
        self._open_gate()
        self._reader = threading.Thread(target=self._read, name=f"log-{self.pid}", daemon=True)
        self._reader.start()
        threading.Thread(target=self._wait_end, name=f"wait-{self.pid}", daemon=True).start()

    def _open_gate(self) -> None:
        gate = self._popen.stdin
        assert gate is not None  # noqa: S101  opened as a pipe above
        with contextlib.suppress(BrokenPipeError):  # killed already: the exit code will tell
            gate.write(b"go\n")
            gate.close()

    def _read(self) -> None:
        output = self._popen.stdout
        assert output is not None  # noqa: S101  opened as a pipe above
        with output:
            for line in _lines(output):
                self._tail.append(line)
                try:
                    self._on_line(line)
                except Exception:  # noqa: BLE001  a full pipe would freeze the container
                    _log.exception("a line of container %s was lost", self.pid)

    def _wait_end(self) -> None:
        self._popen.wait()
        self.ended_at = time.monotonic()
        # In a container the end of process 1 is the end of them all.
        self._kill_group()
        self._reader.join(timeout=5)  # what a child that left the group still holds open is lost
        _running.discard(self)
        self._ended.set()
        _reaper.tell("-", self.pid)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    @property
    def exit_code(self) -> int | None:
        """The exit status, 128 + n for signal n as docker counts; None while it runs."""
        if not self._ended.is_set():
            return None
        code = self._popen.returncode
        return code if code >= 0 else 128 - code

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the exit status once all output was read, or None after `timeout` seconds."""
        self._ended.wait(timeout)
        return self.exit_code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to process 1, if the container still runs."""
        if not self._ended.is_set():
            self._popen.send_signal(number)

    def terminate(self, grace_seconds: float) -> int:
        """Return once the container is gone: SIGTERM to process 1, after the grace SIGKILL to all.

        As `docker stop` does it, only process 1 gets the polite signal.
        """
        if not self._ended.is_set():
            self.send_signal(signal.SIGTERM)
            if not self._ended.wait(grace_seconds):
                self._kill_group()
                self._ended.wait()
        code = self.exit_code
        assert code is not None  # noqa: S101  it has ended
        return code

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Return the last lines the container wrote, for a failure message."""
        return "\n".join(list(self._tail)[-lines:])


def _lines(output: IO[bytes]) -> Iterator[str]:
    # Cut at LONGEST_LINE, so that a container that never ends a line costs no memory.
    for line in iter(lambda: output.readline(LONGEST_LINE), b""):
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def kill_all() -> None:
    """Stop every container at once and return when none is left; for the shutdown of the AWS."""
    processes = list(_running)
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + MINIMUM_GRACE_SECONDS
    for process in processes:
        process.wait(max(0.0, deadline - time.monotonic()))
    # Together: to kill a container under an engine takes a moment, and there is little time.
    deaf = [process for process in processes if process.exit_code is None]
    threads = [threading.Thread(target=process.terminate, args=(0.0,)) for process in deaf]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _reaper.close()


def free_port() -> int:
    """Return a loopback port that for a minute no process is offered again.

    The end of a connection on it stays with the kernel (TIME_WAIT): whoever asks for any port gets
    another, and a server that sets SO_REUSEADDR, as servers do to start again, binds it.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        with socket.create_connection(probe.getsockname()) as client:
            probe.accept()[0].close()  # the side that closes first is the one that waits
            client.recv(1)
        return int(probe.getsockname()[1])
