"""Checked rows between the passes: a few in memory, the rest as Arrow files under a prefix.

Parsing a table a second time costs five times what writing its typed columns uncompressed and
reading them back does. Nothing here is ever deleted, because the function may delete nothing: the
bucket's lifecycle removes `PREFIX` after a day. No dataset's name can begin with a dot.
"""

from __future__ import annotations

import io
import uuid
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import polars as pl

from preprocess.ahead import MOST, ahead
from preprocess.limits import MIB
from preprocess.s3 import S3

T = TypeVar("T")
PREFIX = ".working/"
HELD = 8 * MIB  # bytes of typed rows kept in memory

_File = tuple[str, pl.Schema]  # its key, and what its columns are


@dataclass(slots=True)
class _Stream:
    """Blocks that stay together: those in files, then those in memory."""

    files: list[_File] = field(default_factory=list)
    held: list[pl.DataFrame] = field(default_factory=list)
    size: float = 0


@dataclass(slots=True)
class Spool:
    """Blocks of one run, taken once and given back as often as asked, each stream in its order."""

    s3: S3
    bucket: str
    reading: ThreadPoolExecutor
    writing: ThreadPoolExecutor
    name: str = field(default_factory=lambda: f"{PREFIX}{uuid.uuid4().hex}/")
    streams: dict[int, _Stream] = field(default_factory=dict)
    begun: deque[Future[bool]] = field(default_factory=deque)

    def add(self, number: int, block: pl.DataFrame) -> None:
        """Take a block of a stream; waits while earlier ones are still on their way."""
        stream = self.streams.setdefault(number, _Stream())
        if stream.held and stream.held[0].schema != block.schema:
            self._flush(number)
        stream.held.append(block)
        stream.size += block.estimated_size()
        if sum(one.size for one in self.streams.values()) > HELD:
            self._flush(max(self.streams, key=lambda n: self.streams[n].size))

    def blocks(self, change: Callable[[pl.DataFrame], T]) -> Generator[tuple[int, T]]:
        """Return what the streams' blocks are changed into; the next are on their way meanwhile."""
        self._wait(0)
        kept: list[tuple[int, pl.DataFrame | _File]] = []
        for number, stream in sorted(self.streams.items()):
            kept += ((number, file) for file in stream.files)
            kept += ((number, block) for block in stream.held)
        return ahead(self.reading, (partial(self._given, *one, change) for one in kept))

    def _given(
        self, number: int, block: pl.DataFrame | _File, change: Callable[[pl.DataFrame], T]
    ) -> tuple[int, T]:
        if not isinstance(block, pl.DataFrame):
            key, schema = block
            small = pl.read_ipc(self.s3.get(self.bucket, key))
            block = small.select(_whole(pl.col(n), kind) for n, kind in schema.items())
        return number, change(block)

    def _flush(self, number: int) -> None:
        stream = self.streams[number]
        blocks, stream.held, stream.size = stream.held, [], 0
        key = f"{self.name}{number}/{len(stream.files):06}.arrow"
        stream.files.append((key, blocks[0].schema))
        self._wait(MOST - 1)
        self.begun.append(self.writing.submit(self._put, key, blocks))

    def _wait(self, most: int) -> None:
        while len(self.begun) > most:
            self.begun.popleft().result()

    def _put(self, key: str, blocks: list[pl.DataFrame]) -> bool:
        rows, file = pl.concat(blocks), io.BytesIO()
        pl.DataFrame([_small(values) for values in rows]).write_ipc(
            file, compression="uncompressed"
        )
        content_type = "application/vnd.apache.arrow.file"
        return self.s3.put(self.bucket, key, file.getvalue(), content_type=content_type)


def _small(values: pl.Series) -> pl.Series:
    """Return integers and codes in as few bytes as they need.

    Of a word only its code is kept: its pool is in memory for as long as the rows are.
    """
    codes = values.to_physical() if isinstance(values.dtype, pl.Categorical) else values
    return codes.shrink_dtype() if codes.dtype.is_integer() else codes


def _whole(values: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if isinstance(kind, pl.Categorical):
        return values.cast(pl.UInt32).cat.to(kind)
    return values.cast(kind) if kind.is_integer() else values
