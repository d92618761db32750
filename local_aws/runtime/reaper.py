"""Kills the containers when the local AWS is gone, however it went. Runs as a program of its own.

Standard input carries one line per event: `+<pgid>` (a process group started) or `-<pgid>` (it
ended). End of file, or being adopted by another parent, means the local AWS died: every group
still listed is killed. A pipe works on Linux and macOS alike; PR_SET_PDEATHSIG is Linux only and
fires when the *thread* that started the child ends, which here is any worker thread.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys


def watch(stdin_fd: int, parent: int) -> None:
    """Return once the parent is gone and every process group it left behind was killed."""
    alive: set[int] = set()
    rest = b""
    while os.getppid() == parent:
        readable, _, _ = select.select([stdin_fd], [], [], 1.0)  # 1 s: how long a fork can hide us
        if not readable:
            continue
        chunk = os.read(stdin_fd, 65536)
        if not chunk:
            break
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            change = alive.add if line[:1] == b"+" else alive.discard
            change(int(line[1:]))
    for group in alive:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # it must outlive the local AWS by a moment
    watch(sys.stdin.fileno(), int(sys.argv[1]))
