"""Our end of the reaper: who is told what must not outlive us."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path


class Reaper:
    """The one helper process that outlives us; started with the first thing it must know.

    `alive` tells the process groups that run now, for a reaper that takes another's place.
    """

    def __init__(self, *, alive: Callable[[], Iterable[int]], started: Callable[[], None]) -> None:
        self._alive, self._started = alive, started
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._commands: list[str] = []
        self._registered = False
        self.pid: int | None = None

    def tell(self, sign: str, group: int) -> None:
        """Have the reaper know that a group started (`+`) or ended (`-`)."""
        with self._lock:
            self._say(f"{sign}{group}", start=sign == "+")

    def at_end(self, command: Sequence[str]) -> None:
        """Have `command` run once we are gone, or at `close`, after every group was killed."""
        line = "!" + json.dumps(list(command))
        with self._lock:
            if line not in self._commands:
                self._commands.append(line)
                self._say(line, start=True)

    def close(self) -> None:
        """Return once the helper killed what is still on its list, ran its commands and ended."""
        with self._lock:
            process, self._process = self._process, None
            if process is not None:
                process.communicate()  # its output ends with the helper, not with its first half

    def _say(self, line: str, *, start: bool) -> None:
        if self._process is not None:
            try:
                self._write(self._process, line)
            except BrokenPipeError:  # somebody killed it
                self._process.communicate()
                self._process = None
            else:
                return
        if start:
            self._process = self._start()  # a new one knows everything there is

    def _start(self) -> subprocess.Popen[bytes]:
        if not self._registered:
            self._registered = True
            self._started()
        program = Path(__file__).with_name("reaper.py")
        process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-I", "-S", str(program), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C or a kill of our group must not reach it
        )
        assert process.stdout is not None  # noqa: S101  opened as a pipe above
        self.pid = int(process.stdout.readline())
        process.wait()  # the half that stays behind
        with contextlib.suppress(BrokenPipeError):
            for line in (*self._commands, *(f"+{group}" for group in list(self._alive()))):
                self._write(process, line)
        return process

    @staticmethod
    def _write(process: subprocess.Popen[bytes], line: str) -> None:
        assert process.stdin is not None  # noqa: S101  opened as a pipe in _start
        process.stdin.write(f"{line}\n".encode())
        process.stdin.flush()
