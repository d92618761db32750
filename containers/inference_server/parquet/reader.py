"""The process that reads Parquet for a worker: `python -m inference_server.parquet.reader`.

Asked on stdin with (names, body), it answers on stdout with (rows, fault), until stdin ends. Its
memory and time are limited; what needs more of either, or what the library gives up on, ends it.
"""

from __future__ import annotations

import io
import marshal
import os
import resource
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from arro3.core import DataType  # type: ignore[import-not-found,unused-ignore]  # in the image's
from arro3.io import read_parquet  # type: ignore[import-not-found,unused-ignore]  # environment

from inference_server.parquet import LENGTH

_SECONDS = 60  # of one file; a request's own limit is not more
# What a file may hold: 16 times its own bytes, within these. A cell counts as 8 bytes at least.
_LEAST_BYTES = 32 * 1024**2
_MOST_BYTES = 256 * 1024**2
_TIMES = 16
_CELL = 8
_BATCH_ROWS = 1024
# Beside what the file holds: Python's objects of it, the answer, and what reading takes.
_ROOM_TIMES = 3
_ROOM_BYTES = 64 * 1024**2
_PLAIN = (str, int, float, bool, bytes, type(None))


class _RefusedError(Exception):
    """What is wrong with a file, for the one who sent it."""


def read(names: Sequence[str], body: bytes, most: int) -> list[Sequence[Any]]:
    """The rows of a file that holds at most so many bytes."""
    try:
        reader = read_parquet(io.BytesIO(body), batch_size=_BATCH_ROWS)
        listed = list(reader.schema.names)
    except BaseException as error:  # noqa: BLE001  a panic is no Exception
        raise _RefusedError(f"the body is not Parquet: {str(error)[:200]}") from None
    unknown = [name for name in listed if name not in names]
    if unknown or len(set(listed)) < len(listed):
        fault = f"unknown columns: {', '.join(unknown)[:200]}" if unknown else "a column twice"
        raise _RefusedError(f"the file has {fault}; allowed: {', '.join(names)[:300]}")
    for name in listed:
        if DataType.is_nested(reader.schema.field(name).type):
            raise _RefusedError(f"its column {name!r} is nested; allowed: plain values")
    rows: list[Sequence[Any]] = []
    batches: list[Any] = []
    size = 0
    try:
        for batch in reader:  # whole before a row is made: Python's take fifty times as long
            batches.append(batch)
            size += max(batch.nbytes, _CELL * len(names) * batch.num_rows)
            if size > most:
                raise _RefusedError("the file holds too much for one request; send it in parts")
        for batch in batches:
            columns = {name: _plain(batch.column(name).to_pylist()) for name in listed}
            absent = [None] * batch.num_rows
            rows += zip(*(columns.get(name, absent) for name in names), strict=True)
    except (_RefusedError, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001  a panic is no Exception
        raise _RefusedError(f"the body is not Parquet: {str(error)[:200]}") from None
    if not rows:
        raise _RefusedError("the file has no rows; send at least one")
    return rows


def _plain(values: Iterable[Any]) -> list[Any]:
    """What a message can hold: a time, say, as its text, which no column takes."""
    return [value if isinstance(value, _PLAIN) else str(value) for value in values]


def _memory() -> int | None:
    """Bytes of address space, None where nobody says."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return None


def _begin_anew() -> None:
    """The same process, with the same pipes and none of the memory.

    Not its end: the worker could ask once more before it sees that, and a good file be refused.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    os.execv(sys.executable, [sys.executable, "-m", "inference_server.parquet.reader"])  # noqa: S606


def main() -> None:
    """Answer until there is nobody who asks; anew when too much memory does not come back."""
    for number in (signal.SIGTERM, signal.SIGINT):  # of the container: the worker knows what to do
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    base = _memory()
    while len(head := requests.read(LENGTH)) == LENGTH:
        message = requests.read(int.from_bytes(head, "big"))
        names, body = marshal.loads(message)  # noqa: S302  from our worker
        most = min(_MOST_BYTES, max(_LEAST_BYTES, _TIMES * len(body)))
        if base is not None:
            limit = base + _ROOM_BYTES + 2 * len(message) + _ROOM_TIMES * most
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
        signal.alarm(_SECONDS)
        try:
            answer = marshal.dumps((read(names, body, most), ""))
        except _RefusedError as refused:
            answer = marshal.dumps(([], str(refused)))
        signal.alarm(0)
        answers.write(len(answer).to_bytes(LENGTH, "big") + answer)
        answers.flush()
        del message, body, answer
        if base is not None and (_memory() or 0) > base + _ROOM_BYTES:
            _begin_anew()


if __name__ == "__main__":
    main()
