"""Checked rows between the passes: a few in memory, the rest as Arrow files under a prefix.

Parsing a table a second time costs five times what writing its typed columns uncompressed and
reading them back does. Nothing here is ever deleted, because the function may delete nothing: the
bucket's lifecycle removes `PREFIX` after a day. No dataset's name can begin with a dot.
"""

from __future__ import annotations

import io
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import polars as pl

from preprocess.limits import MIB
from preprocess.s3 import S3

T = TypeVar("T")
PREFIX = ".working/"
HELD = 24 * MIB  # bytes of typed rows kept in memory
AHEAD = 2  # files written or read at once


@dataclass(slots=True)
class Spool:
    """Blocks of one run, taken once and given back as often as asked, in their order."""

    s3: S3
    bucket: str
    pool: ThreadPoolExecutor
    name: str = field(default_factory=lambda: f"{PREFIX}{uuid.uuid4().hex}/")
    held: list[pl.DataFrame] = field(default_factory=list)
    size: float = 0
    files: int = 0
    writing: deque[Future[bool]] = field(default_factory=deque)

    def add(self, block: pl.DataFrame) -> None:
        """Take a block; waits while earlier ones are still on their way."""
        if not self.files:
            self.size += block.estimated_size()
            if self.size <= HELD:
                self.held.append(block)
                return
        self._wait(AHEAD - 1)
        self.writing.append(self.pool.submit(self._put, self.files, block))
        self.files += 1

    def blocks(self) -> Iterator[pl.DataFrame]:
        """Yield the blocks; the next files are on their way meanwhile."""
        self._wait(0)
        yield from self.held
        yield from ahead(partial(self._get, number) for number in range(self.files))

    def _wait(self, most: int) -> None:
        while len(self.writing) > most:
            self.writing.popleft().result()

    def _put(self, number: int, block: pl.DataFrame) -> bool:
        file = io.BytesIO()
        block.write_ipc(file, compression="uncompressed")
        content_type = "application/vnd.apache.arrow.file"
        key = f"{self.name}{number:06}.arrow"
        return self.s3.put(self.bucket, key, file.getvalue(), content_type=content_type)

    def _get(self, number: int) -> pl.DataFrame:
        key = f"{self.name}{number:06}.arrow"
        return pl.read_ipc(io.BytesIO(self.s3.get(self.bucket, key)))


def ahead(tasks: Iterator[Callable[[], T]]) -> Generator[T]:
    """Yield what each task returns, in order; `AHEAD` of them run at once."""
    with ThreadPoolExecutor(AHEAD, "read") as pool:
        waiting: deque[Future[T]] = deque()
        try:
            while True:
                while len(waiting) < AHEAD and (task := next(tasks, None)) is not None:
                    waiting.append(pool.submit(task))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
