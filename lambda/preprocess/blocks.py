"""Batches into blocks of good rows with their numbers, in order, several of them worked on at once.

The number of a row depends on how many rows came before it, which is known only when the batch
before it has been read. Each block waits for that one thing in the middle of its work.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import polars as pl

from preprocess.ahead import BLOCKS, ahead
from preprocess.batch import Job
from preprocess.split import keyed
from preprocess.validation import Validator
from preprocess.words import Words

T = TypeVar("T")
_Place = tuple[int, int]  # the numbers of a row and of its line


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A table that can be read again and again: its columns, and the readers of its parts."""

    names: list[str]
    first_line: int
    jobs: Callable[[Mapping[str, Words]], Generator[Job]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Block(Generic[T]):
    """`good` is what was made of the good rows, `bad` has BAD's columns; `rows` is all of them."""

    good: T | None
    bad: pl.DataFrame
    rows: int


def blocks(
    pool: ThreadPoolExecutor,
    opened: Opened,
    validator: Validator,
    seed: int,
    look: Callable[[pl.DataFrame], T],
) -> Generator[Block[T]]:
    """Yield the blocks in the object's order; `look` is given good rows with their KEY, if any."""
    jobs = opened.jobs(validator.words)

    def tasks() -> Generator[Callable[[], Block[T]]]:
        begin: Future[_Place] = Future()
        begin.set_result((1, opened.first_line))
        for job in jobs:
            end: Future[_Place] = Future()
            yield partial(_block, job, validator, seed, look, begin, end)
            begin = end

    with closing(jobs):
        yield from ahead(pool, tasks(), most=BLOCKS)


def _block(
    job: Job,
    validator: Validator,
    seed: int,
    look: Callable[[pl.DataFrame], T],
    begin: Future[_Place],
    end: Future[_Place],
) -> Block[T]:
    try:
        found = validator.check(job())
        row, line = begin.result()
        end.set_result((row + found.rows, line + found.lines))
    except BaseException as error:
        end.set_exception(error)  # or the next block would wait for ever
        raise
    return Block(
        good=look(keyed(found.good, row, seed)) if found.good.height else None,
        bad=found.bad.with_columns(pl.col("row") + row, pl.col("line") + line),
        rows=found.rows,
    )
