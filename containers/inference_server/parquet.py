"""Parquet bodies to rows, where the reader is installed (EXTRAS=parquet).

The reader, arro3, is Rust and 35 MB; pyarrow or polars would double the image.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from inference_server.errors import RequestError

MISSING = (
    "this image reads no Parquet; build it with --build-arg EXTRAS=parquet, or send CSV, JSON, "
    "JSON lines or NPY"
)
MOST_CELLS = 20_000_000
# A column that repeats one long text takes few bytes in the file and many after it.
MOST_BYTES = 256 * 1024**2


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
    try:
        reader = read_parquet(io.BytesIO(body))
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
            size += batch.nbytes
            if len(names) * (len(rows) + batch.num_rows) > MOST_CELLS or size > MOST_BYTES:
                raise RequestError("the file holds too much for one request; send it in parts")
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


def _refused(error: BaseException) -> Exception:
    # What the reader cannot read it panics about, which is no Exception to Python.
    if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
        raise error
    return RequestError(f"the body is not Parquet: {str(error)[:200]}")
