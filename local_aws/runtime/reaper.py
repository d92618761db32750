"""Kills the containers when the local AWS is gone, however it went. Runs as a program of its own.

Standard input carries one line per event: `+<pgid>` (a process group started), `-<pgid>` (it
ended) or `!<json>` (a command line to run at the end). End of file, or the end of the process that
is the local AWS, means it is over: every group still listed is killed, every command is run. A
pipe works on Linux and macOS alike; PR_SET_PDEATHSIG is Linux only and fires when the *thread*
that started the child ends, which here is any worker thread.

It leaves its parent at once (its first line of output says its new id), so that whoever ends the
local AWS with all its descendants does not end this. Its output closes when its work is done.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys


def watch(stdin_fd: int, owner: int) -> None:
    """Return once the owner is gone and nothing that it left behind runs."""
    alive: set[int] = set()
    commands: list[list[str]] = []
    rest = b""
    while _runs(owner):
        readable, _, _ = select.select([stdin_fd], [], [], 1.0)  # 1 s: how long a fork can hide us
        if not readable:
            continue
        chunk = os.read(stdin_fd, 65536)
        if not chunk:
            break
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line[:1] == b"!":
                commands.append(json.loads(line[1:]))
            else:
                change = alive.add if line[:1] == b"+" else alive.discard
                change(int(line[1:]))
    for group in alive:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for command in commands:
        _run(command)


def _runs(owner: int) -> bool:
    try:
        os.kill(owner, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _run(command: list[str]) -> None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(  # noqa: S603  what the local AWS told us to run
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )


if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    os.setsid()
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # it must outlive the local AWS by a moment
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    watch(sys.stdin.fileno(), int(sys.argv[1]))
