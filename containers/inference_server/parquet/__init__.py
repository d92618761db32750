"""Parquet bodies to rows, where the reader is installed (EXTRAS=parquet).

The reader, arro3, is Rust and 35 MB; pyarrow or polars would double the image. It reads in a
process of its own (`reader.py`): what it cannot read it may abort the process about, and a file of
a few bytes may hold gigabytes. Neither is this process's affair then.
"""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from inference_server.errors import RequestError

MISSING = (
    "this image reads no Parquet; build it with --build-arg EXTRAS=parquet, or send CSV, JSON, "
    "JSON lines or NPY"
)
LENGTH = 8  # bytes before each message, which say how long it is
_BROKE = (
    "the file is damaged Parquet, or holds too much for one request; send it in parts, or as CSV"
)
# The loop reads small bodies while the thread reads a large one: each has a process.
_local = threading.local()
os.register_at_fork(after_in_child=lambda: _local.__dict__.clear())


def installed() -> bool:
    return find_spec("arro3") is not None and find_spec("arro3.io") is not None


def read_rows(body: bytes, names: Sequence[str]) -> list[Sequence[Any]]:
    """The rows in the order of `names`; a column that is not there is missing.

    Raises:
        RequestError: 400 with what is wrong with the file.
    """
    if not (body.startswith(b"PAR1") and body.endswith(b"PAR1")):
        raise RequestError("the body is not Parquet: it must begin and end with PAR1")
    process: subprocess.Popen[bytes] | None = getattr(_local, "process", None)
    if process is None or process.poll() is not None:
        process = _local.process = _started()
    try:
        rows, fault = _asked(process, (list(names), body))
    except (OSError, EOFError):
        process.kill()
        process.wait()
        _local.process = _started()  # ready for the next one, who shall not wait for it
        raise RequestError(_BROKE) from None
    if fault:
        raise RequestError(fault)
    return rows


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "inference_server.parquet.reader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a panic's trace, which is no line of our log
        start_new_session=True,  # it ends with its input, not before the answers are sent
    )


def _asked(
    process: subprocess.Popen[bytes], request: tuple[list[str], bytes]
) -> tuple[list[Sequence[Any]], str]:
    assert process.stdin is not None  # noqa: S101  pipes, as asked for
    assert process.stdout is not None  # noqa: S101
    # Not pickle, which could run code; what it is of is a program of this very folder.
    message = marshal.dumps(request)
    process.stdin.write(len(message).to_bytes(LENGTH, "big"))
    process.stdin.write(message)
    process.stdin.flush()
    size = process.stdout.read(LENGTH)
    content = process.stdout.read(int.from_bytes(size, "big"))
    if len(size) < LENGTH or len(content) < int.from_bytes(size, "big"):
        raise EOFError
    answer: tuple[list[Sequence[Any]], str] = marshal.loads(content)  # noqa: S302  our program's
    return answer
