"""What is kept of the local AWS we started, so that a later command finds it, and nothing else."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from ops.local.paths import Paths


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """The process we started; the start time tells it from a later process with the same pid."""

    pid: int
    created: float
    port: int
    enforce: bool


def write(where: Paths, pid: int, port: int, enforce: bool) -> None:
    """The process is known to later commands."""
    import psutil

    created = psutil.Process(pid).create_time()
    record = Record(pid=pid, created=created, port=port, enforce=enforce)
    # Renamed into place: who finds half a record takes it for none, and the process for nobody's.
    part = where.record.with_name(f".{where.record.name}.{os.getpid()}")
    part.write_text(json.dumps(asdict(record)), encoding="utf-8")
    part.replace(where.record)


def read(where: Paths) -> Record | None:
    """The process we started last, None if there is none."""
    try:
        return Record(**json.loads(where.record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def process_of(record: Record) -> Any:
    """The recorded process if it still lives and is still ours, else None."""
    import psutil

    try:
        process = psutil.Process(record.pid)
        words = process.cmdline()  # none for a moment, as it takes its parent's place
        ours = abs(process.create_time() - record.created) < 1
        ours = ours and ("local_aws" in words or not words)
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def ready(where: Paths) -> dict[str, Any] | None:
    """What the server wrote once it answered, None before."""
    try:
        found = json.loads((where.state / "server.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
