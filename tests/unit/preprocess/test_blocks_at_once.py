"""Blocks are worked on by several threads; no file may tell in what order they took turns."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocess import csv_table, source
from preprocess.ahead import readers
from preprocess.batch import Batch, Job, counted
from preprocess.blocks import Block, Opened, blocks
from preprocess.dataset import parse
from preprocess.split import KEY, keyed
from preprocess.validation import Validator

NAMES = ["size", "count", "colour", "ready", "note", "label"]
CHUNKS = (700, 4_000, 1 << 20)


@pytest.mark.parametrize("kind", ["random", "time"])
@pytest.mark.parametrize("chunk", CHUNKS)
def test_turns_and_chunks_change_no_byte(
    world: Any, declared: Any, monkeypatch: pytest.MonkeyPatch, kind: str, chunk: int
) -> None:
    content, block = _table(), _declared(declared, kind)
    expected = world.publish(content, block).files
    world.s3.objects.clear()

    monkeypatch.setattr(source, "CHUNK", chunk)
    monkeypatch.setattr(csv_table.CsvTable, "read", _late(csv_table.CsvTable.read))
    monkeypatch.setattr(Validator, "check", _late(Validator.check))
    found = world.publish(content, block).files

    assert found == expected
    assert len(expected["quarantine/rows.csv"].splitlines()) == 31


def test_rows_are_numbered_in_the_order_of_the_object(pool: Any, declared: Any) -> None:
    heights = [3, 1, 4, 1, 5, 9, 2, 6]
    opened = _opened([_batch(height, late=(n % 3) / 100) for n, height in enumerate(heights)])

    found = _blocks(pool, declared, opened, lambda rows: rows[KEY].to_list())

    rows = pl.DataFrame({" index": pl.int_range(sum(heights), dtype=pl.UInt64, eager=True)})
    keys = keyed(rows, 1, 17)[KEY].to_list()
    assert [key for block in found for key in block.good or []] == keys
    assert [block.rows for block in found] == heights


@pytest.mark.timeout(20)
@pytest.mark.parametrize("at", range(4))
def test_a_block_that_fails_leaves_no_other_waiting(pool: Any, declared: Any, at: int) -> None:
    jobs = [_batch(2) for _ in range(4)]
    jobs[at] = _broken
    found = blocks(pool, *_asked(declared, _opened(jobs)), lambda rows: rows)

    assert [next(found).rows for _ in range(at)] == [2] * at
    with pytest.raises(ZeroDivisionError):
        next(found)


@pytest.mark.timeout(20)
def test_a_look_that_fails_leaves_no_other_waiting(pool: Any, declared: Any) -> None:
    def broken(rows: pl.DataFrame) -> pl.DataFrame:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _blocks(pool, declared, _opened([_batch(2) for _ in range(4)]), broken)


@pytest.mark.timeout(20)
def test_who_stops_early_is_not_kept(pool: Any, declared: Any) -> None:
    begun: list[int] = []

    def jobs(_: Any) -> Generator[Job]:
        for number in range(100):
            begun.append(number)
            yield _batch(2)

    opened = Opened(names=NAMES, first_line=2, jobs=jobs)
    found = blocks(pool, *_asked(declared, opened), lambda rows: rows)
    next(found)
    found.close()

    assert len(begun) < 5


@given(text=st.text('a,\n\1"é ', max_size=60), mark=st.sampled_from(",\n"))
def test_marks_are_counted_as_bytes_are(text: str, mark: str) -> None:
    assert counted(f"{text}\n".encode(), mark) == f"{text}\n".count(mark)


def test_marks_of_many_megabytes_are_counted() -> None:
    text = random.Random(1).choices(b",\na", k=5 << 20)  # noqa: S311 (no secret)

    assert counted(bytes(text), ",") == text.count(b","[0])


@pytest.fixture(name="pool")
def pool_fixture() -> Iterator[ThreadPoolExecutor]:
    with readers() as pool:
        yield pool


def _table() -> str:
    lines = ["size,count,colour,ready,note,label"]
    for n in range(3_000):
        size = "many" if n % 100 == 7 else f"{n * 7919 % 3001 / 4}"
        lines.append(
            f"{size},{n},{('red', 'green', 'blue')[n % 3]},{('true', 'false')[n % 2]},"
            f"2020-01-{n % 28 + 1:02},{('no', 'yes')[n % 5 > 2]}"
        )
    return "\n".join(lines) + "\n"


def _declared(declared: Any, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = declared(impute={"size": "mean"}, formats=["csv", "parquet"])
    if kind == "time":
        found["columns"]["note"] = "timestamp"
        shares = {"train": 0.6, "validation": 0.2, "test": 0.2}
        found |= {"drop": [], "split": {"kind": "time", "by": "note", **shares}}
    return found


def _late(call: Callable[..., Any]) -> Callable[..., Any]:
    turns = random.Random(3)  # noqa: S311 (no secret)

    def later(*arguments: Any) -> Any:
        time.sleep(turns.choice((0, 0, 0.002, 0.01)))
        return call(*arguments)

    return later


def _batch(height: int, late: float = 0) -> Job:
    def read() -> Batch:
        time.sleep(late)
        texts = {"size": "1", "count": "2", "colour": "red", "ready": "true", "label": "yes"}
        frame = pl.DataFrame({name: [text] * height for name, text in texts.items()})
        return Batch(frame=frame, lines=height)

    return read


def _broken() -> Batch:
    raise ZeroDivisionError


def _opened(jobs: list[Job]) -> Opened:
    return Opened(names=NAMES, first_line=2, jobs=lambda _: (job for job in jobs))


def _asked(declared: Any, opened: Opened) -> tuple[Opened, Validator, int]:
    return opened, Validator(parse(declared()), opened.names), 17


def _blocks(
    pool: Any, declared: Any, opened: Opened, look: Callable[[pl.DataFrame], Any]
) -> list[Block[Any]]:
    return list(blocks(pool, *_asked(declared, opened), look))
