"""Parquet bodies to rows, where the reader is installed (EXTRAS=parquet).

The reader, arro3, is Rust and 35 MB; pyarrow or polars would double the image.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from inference_server.errors import RequestError
from inference_server.parquet.footer import read_footer

MISSING = (
    "this image reads no Parquet; build it with --build-arg EXTRAS=parquet, or send CSV, JSON, "
    "JSON lines or NPY"
)
_TOO_MUCH = "the file holds too much for one request; send it in parts"
# What a file may hold: 16 times its own bytes, within these. A cell counts as 8 bytes at least.
LEAST_BYTES = 32 * 1024**2
MOST_BYTES = 256 * 1024**2
_TIMES = 16
_CELL = 8
# What is read at a time, and the most rows of it.
_BATCH_BYTES = 16 * 1024**2
_BATCH_ROWS = 1024


def installed() -> bool:
    return find_spec("arro3") is not None and find_spec("arro3.io") is not None


def read_rows(body: bytes, names: Sequence[str]) -> list[Sequence[Any]]:
    """The rows in the order of `names`; a column that is not there is missing.

    Raises:
        RequestError: 400 with what is wrong with the file.
    """
    from arro3.io import read_parquet

    if not (body.startswith(b"PAR1") and body.endswith(b"PAR1")):
        raise RequestError("the body is not Parquet: it must begin and end with PAR1")
    most = min(MOST_BYTES, max(LEAST_BYTES, _TIMES * len(body)))
    batch_rows = _look(body, len(names), most)
    try:
        reader = read_parquet(io.BytesIO(body), batch_size=batch_rows)
        found = list(reader.schema.names)
    except BaseException as error:  # noqa: BLE001  a panic is no Exception
        raise _refused(error) from None
    unknown = [name for name in found if name not in names]
    if unknown or len(set(found)) < len(found):
        listed = ", ".join(names)
        fault = f"unknown columns: {', '.join(unknown)[:200]}" if unknown else "a column twice"
        raise RequestError(f"the file has {fault}; allowed: {listed[:300]}")
    rows: list[Sequence[Any]] = []
    size = 0
    try:
        for batch in reader:
            # A file may lie about itself: what has come is counted too.
            size += max(batch.nbytes, _CELL * len(names) * batch.num_rows)
            if size > most:
                raise RequestError(_TOO_MUCH)
            columns = {name: batch.column(name).to_pylist() for name in found}
            absent = [None] * batch.num_rows
            rows += zip(*(columns.get(name, absent) for name in names), strict=True)
    except RequestError:
        raise
    except BaseException as error:  # noqa: BLE001  a panic is no Exception
        raise _refused(error) from None
    if not rows:
        raise RequestError("the file has no rows; send at least one")
    return rows


def _look(body: bytes, width: int, most: int) -> int:
    """How many rows to read at a time. Raises RequestError for a file that holds too much."""
    try:
        footer = read_footer(body)
    except ValueError as error:
        raise _refused(error) from None
    cells = _CELL * width * footer.rows
    if max(cells, footer.size, footer.widest_row) > most:
        raise RequestError(_TOO_MUCH)
    return max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(1, footer.widest_row)))


def _refused(error: BaseException) -> Exception:
    # What the reader cannot read it panics about, which is no Exception to Python.
    if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
        raise error
    return RequestError(f"the body is not Parquet: {str(error)[:200]}")
