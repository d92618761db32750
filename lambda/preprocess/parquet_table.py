"""Parquet: the footer, then row group after row group, only the columns that are wanted.

polars reads files, so a sparse file stands in for the object: as long as the object, with nothing
in it but the footer and the columns of one row group at a time.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from preprocess import thrift
from preprocess.batch import Batch, Job
from preprocess.faults import ObjectFault
from preprocess.limits import MIB
from preprocess.recipe import LARGEST
from preprocess.s3 import S3
from preprocess.source import Source

ROWS = 65_536  # rows validated at once
MOST_FOOTER, MOST_GROUP = 64 * MIB, 1024 * MIB  # bytes; of a group, of the wanted columns
_NESTED = (pl.List, pl.Array, pl.Struct, pl.Object, pl.Binary)
_DAMAGED = "Its Parquet data is damaged"


@dataclass(frozen=True, slots=True)
class _Group:
    first: int  # its first row
    rows: int
    ranges: tuple[tuple[int, int], ...]  # of the wanted columns: offset, size


class ParquetTable:
    """The row groups of an object; `names` are all its top-level columns."""

    def __init__(self, s3: S3, source: Source) -> None:
        self.s3, self.source = s3, source
        if source.size < 12:
            raise ObjectFault(f"{_DAMAGED}: it has {source.size} bytes.")
        tail = source.range(s3, source.size - 8, source.size - 1)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != b"PAR1" or not 0 < length <= min(source.size - 12, MOST_FOOTER):
            raise ObjectFault(f"{_DAMAGED}: it does not end in a footer.")
        self.start = source.size - 8 - length
        self.footer = source.range(s3, self.start, source.size - 1)
        try:
            self.meta = thrift.struct(self.footer)
            self.names = _top_level(self.meta[2])
            groups = self.meta[4]
        except (thrift.DamagedError, KeyError, IndexError, TypeError, AttributeError):
            raise ObjectFault(f"{_DAMAGED}: its footer cannot be read.") from None
        self._groups = groups

    def jobs(self, kinds: Mapping[str, str]) -> Generator[Job]:
        """Yield what reads some rows of the wanted columns, in order."""
        with tempfile.TemporaryDirectory() as folder:
            for group in self._wanted(kinds):
                frame = self._read(group, kinds, Path(folder, "group.parquet"))
                for at in range(0, frame.height, ROWS):
                    yield partial(_batch, frame.slice(at, ROWS))

    def _wanted(self, kinds: Mapping[str, str]) -> Iterator[_Group]:
        first = 0
        for group in self._groups:
            ranges = []
            try:
                rows = int(group[3])
                for chunk in group[1]:
                    column = chunk[3]
                    if column[3][0].decode() in kinds:
                        begin = min(o for o in (column.get(11), column[9]) if o)
                        ranges.append((int(begin), int(column[7])))
            except (KeyError, IndexError, TypeError, AttributeError, ValueError):
                raise ObjectFault(f"{_DAMAGED}: its footer cannot be read.") from None
            if any(o < 4 or size < 0 or o + size > self.start for o, size in ranges) or rows < 0:
                raise ObjectFault(f"{_DAMAGED}: a row group lies outside the object.")
            if sum(size for _, size in ranges) > MOST_GROUP:
                raise ObjectFault(
                    f"A row group has more than {MOST_GROUP // MIB:,} MiB: write smaller ones."
                )
            yield _Group(first, rows, tuple(ranges))
            first += rows

    def _read(self, group: _Group, kinds: Mapping[str, str], path: Path) -> pl.DataFrame:
        with path.open("wb") as file:
            file.truncate(self.source.size)
            file.write(b"PAR1")
            for offset, size in group.ranges:
                file.seek(offset)
                file.write(self.source.range(self.s3, offset, offset + size - 1) if size else b"")
            file.seek(self.start)
            file.write(self.footer)
        try:
            scanned = pl.scan_parquet(path, use_statistics=False).select(list(kinds))
            found = scanned.slice(group.first, group.rows).collect()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise ObjectFault(f"{_DAMAGED}: {str(error).splitlines()[0][:200]}.") from None
        finally:
            path.unlink()
        return found.select(_plain(found[name], kind).alias(name) for name, kind in kinds.items())


def _plain(values: pl.Series, kind: str) -> pl.Series:
    """A column as validation takes it: of its type where nothing is odd, else as text."""
    if isinstance(values.dtype, _NESTED):
        raise ObjectFault(f"Column {values.name!r} is {values.dtype}: only plain values are read.")
    if kind == "number" and values.dtype.is_numeric():
        floats = values.cast(pl.Float64)
        if floats.is_nan().any():
            floats = floats.fill_nan(None)
        if floats.drop_nulls().is_between(-LARGEST, LARGEST).all():
            return floats
    if kind == "integer" and values.dtype.is_integer() and values.dtype != pl.UInt64:
        return values.cast(pl.Int64)
    if kind == "category" and values.dtype.is_float():
        # As serving reads a number for a category: 5.0 is 5.
        whole = values.is_not_null() & (values == values.floor()) & (values.abs() < 2**53)
        digits = values.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.select(pl.when(whole).then(digits).otherwise(values.cast(pl.String))).to_series()
    return values.cast(pl.String)


def _batch(frame: pl.DataFrame) -> Batch:
    return Batch(frame=frame, lines=frame.height, texts=partial(_texts, frame))


def _texts(frame: pl.DataFrame, indexes: Sequence[int]) -> list[str]:
    return [json.dumps(row, default=str) for row in frame[list(indexes)].to_dicts()]


def _top_level(elements: Sequence[Mapping[int, Any]]) -> list[str]:
    names, at = [], 1
    for _ in range(elements[0][5]):
        names.append(elements[at][4].decode())
        pending = 1
        while pending:  # its own fields, and theirs, are no columns
            pending += int(elements[at].get(5, 0)) - 1
            at += 1
    return names
