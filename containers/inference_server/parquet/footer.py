"""What a Parquet file says it holds, before anything of it is read into memory.

A file of a few bytes may hold gigabytes: one long text that many rows repeat, a million missing
values, a type that is a megabyte wide. The reader of the library makes them before anyone can look.
Field numbers are those of
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inference_server.parquet.thrift import Struct, read_struct

LARGEST_FOOTER = 4 * 1024**2
_MAGIC = b"PAR1"
_BYTE_ARRAY, _FIXED_LENGTH = 6, 7
_REPEATED = 2
_DICTIONARY_PAGE = 2
_DELTA_BYTE_ARRAY = 7
_WIDEST_NUMBER = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Footer:
    """The size of a file's content."""

    rows: int
    size: int
    """Bytes, where nothing is repeated."""
    widest_row: int
    """The most bytes that one row can take, whatever is repeated."""


def read_footer(body: bytes) -> Footer:
    """What the file's metadata says.

    Raises:
        ValueError: with what is wrong with it, or a column that no table of plain values has.
    """
    length = int.from_bytes(body[-8:-4], "little")
    start = len(body) - 8 - length
    if start < len(_MAGIC):
        raise ValueError("its metadata is cut short")
    if length > LARGEST_FOOTER:
        raise ValueError(f"its metadata is larger than {LARGEST_FOOTER // 1024**2} MB")
    try:
        return _footer(body, read_struct(body[start:-8]))
    except (KeyError, TypeError, IndexError, AttributeError):
        raise ValueError("its metadata is not that of a file") from None


def _footer(body: bytes, metadata: Struct) -> Footer:
    leaves = _leaves(metadata[2])
    rows = size = 0
    widths = [0] * len(leaves)
    for group in metadata[4]:
        chunks = [chunk[3] for chunk in group[1]]
        if len(chunks) != len(leaves):
            raise ValueError("its row groups have other columns than the file")
        counts = {_count(group[3]), *(_count(chunk[5]) for chunk in chunks)}
        if len(counts) != 1:
            raise ValueError("its columns do not have the same number of rows")
        rows += counts.pop()
        for index, (leaf, chunk) in enumerate(zip(leaves, chunks, strict=True)):
            size += _count(chunk[6])
            if _start(chunk) + _count(chunk[7]) > len(body):
                raise ValueError("its metadata points behind its end")
            widths[index] = max(widths[index], _width(body, leaf, chunk))
    return Footer(rows=rows, size=size, widest_row=sum(widths))


def _leaves(schema: list[Struct]) -> list[Struct]:
    root, *leaves = schema
    for leaf in leaves:
        if leaf.get(5) or leaf.get(3) == _REPEATED:
            name = leaf[4].decode("utf-8", "replace")
            raise ValueError(f"its column {name[:200]!r} is nested; allowed: plain values")
    if root.get(5, 0) != len(leaves):
        raise ValueError("its metadata is not that of a file")
    return leaves


def _width(body: bytes, leaf: Struct, chunk: Struct) -> int:
    """The most bytes of one value of a column."""
    if leaf[1] == _FIXED_LENGTH:
        return _count(leaf[2])
    if leaf[1] != _BYTE_ARRAY:
        return _WIDEST_NUMBER
    if _DELTA_BYTE_ARRAY in chunk[2]:  # a text may be that before it and a little more
        return _count(chunk[6])
    page = read_struct(body, _start(chunk))
    return _count(page[2]) if page[1] == _DICTIONARY_PAGE else _WIDEST_NUMBER


def _start(chunk: Struct) -> int:
    return min(_count(chunk[9]), _count(chunk.get(11) or chunk[9]))


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("its metadata counts below 0")
    return value
