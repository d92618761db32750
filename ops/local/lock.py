"""One `make local` at a time: a lock the kernel frees when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ops.errors import OpsError


@contextlib.contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """The lock is ours for the block; if another process has it, one sentence says which."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise OpsError(
                f"{_holder(path)} is still at work in this checkout",
                fix="wait for it, or press Ctrl-C in its terminal and try again",
            ) from fault
        file.truncate(0)
        file.write(
            json.dumps({"pid": os.getpid(), "what": what, "since": time.strftime("%H:%M:%S")})
        )
        file.flush()
        yield


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"{holder['what']} (process {holder['pid']}, since {holder['since']})"
    except (ValueError, KeyError, TypeError):
        return "another command"
