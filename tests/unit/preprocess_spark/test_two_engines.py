"""One recipe, two engines: the cluster's engine against the function's, cut wherever it may be."""

from __future__ import annotations

import gzip
import io
import json
import random
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = ["size", "count", "colour", "ready", "when", "label"]
BLOCK: dict[str, Any] = {
    "name": "tiny",
    "problem": "binary",
    "target": "label",
    "drop": ["when"],
    "columns": dict(
        zip(
            NAMES,
            ["number", "integer", "category", "boolean", "timestamp", "category"],
            strict=True,
        )
    ),
    "impute": {"size": "median", "count": "median", "colour": {"constant": "red"}},
    "split": {"kind": "random", "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 17},
    "limits": {"max_quarantined": 0.9},
}
BY_TIME = BLOCK | {"split": {"kind": "time", "by": "when", "train": 0.6, "validation": 0.2,
                             "test": 0.2}}  # fmt: skip
ODD = [
    '7,1,"two\nlines",yes,2024-01-01,a',
    '7,1,"a ""quoted"", comma",no,2024-01-02,b',
    '7,1,"never closed,no,2024-01-02,b',
    "seven,1,red,yes,2024-01-03,a",
    "7,1,red",
    "7,1,red,yes,2024-01-03,",
    "",
    '"7","1","five\nlines\nin\none\nfield","y","2024-02-03","b"',
    "7,1.5,\u00e9t\u00e9,maybe,yesterday,a",
]


def table(seed: int, rows: int, odd: int, end: str = "\n") -> bytes:
    """A CSV with gaps, and with `odd` in a hundred lines out of the ordinary."""
    of = random.Random(seed)  # noqa: S311
    lines = [",".join(NAMES)]
    for n in range(rows):
        if of.random() * 100 < odd:
            lines.append(of.choice(ODD))
        size = "" if of.random() < 0.1 else f"{of.uniform(-9, 9):.6g}"
        count = "" if of.random() < 0.1 else str(of.randrange(100))
        colour = of.choice(["red", "green", "blue", ""])
        when = f"2024-{1 + n % 12:02}-{1 + n % 28:02}T{n % 24:02}:00"
        lines.append(f"{size},{count},{colour},{of.choice(['true', 'no'])},{when},{'ab'[n % 2]}")
    return ("\n".join(lines) + "\n").replace("\n", end).encode()


# Few examples: each runs both engines.
FEW = settings(max_examples=4, deadline=None,
               suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip


@FEW
@given(
    st.integers(0, 10_000), st.integers(0, 40), st.integers(60, 4_000),
    st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from([BLOCK, BY_TIME]),
)  # fmt: skip
def test_a_table_cut_anywhere_gives_what_it_gives_whole(
    here: Any, seed: int, odd: int, nominal: int, end: str, block: dict[str, Any]
) -> None:
    content = table(seed, 150, odd, end)
    one = here.spark(content, block, "tiny/a.csv", nominal)
    assert_same(one, here.function(content, block, "tiny/a.csv"))


def test_a_mean_of_train_is_the_same_to_nine_digits(here: Any) -> None:
    block = BLOCK | {"impute": {"size": "mean"}}
    fills = [
        version.schema["features"][0]["fill"]
        for version in (
            here.spark(table(241, 150, 0), block, "tiny/a.csv", 430),
            here.function(table(241, 150, 0), block, "tiny/a.csv"),
        )
    ]
    assert fills[0] == pytest.approx(fills[1], rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("form", ["csv.gz", "jsonl", "parquet"])
def test_every_form_gives_what_it_gives_whole(here: Any, form: str) -> None:
    content = encoded(table(5, 300, 0), form)
    key = f"tiny/a.{form}"
    assert_same(here.spark(content, BLOCK, key, 2_000), here.function(content, BLOCK, key))


def test_a_refusal_is_the_same_sentence(here: Any) -> None:
    content = table(3, 40, 0) + b"x,1,red,yes,2024-01-01,a\n" * 900
    refusal = here.spark(content, BLOCK, "tiny/a.csv", 700)
    assert refusal == here.function(content, BLOCK, "tiny/a.csv")
    assert "900 of 940 rows cannot be used, at most 90% may" in refusal


def test_bytes_that_are_no_text_are_told_by_their_place_in_the_object(here: Any) -> None:
    content = table(3, 90, 0) + b"\xff,1\n"
    refusal = here.spark(content, BLOCK, "tiny/a.csv", 700)
    assert f"byte 0xff at byte offset {len(content) - 4:,}." in refusal


@pytest.mark.spark
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_spark_gives_what_the_function_gives(spark: Any, store: Any, seed: int) -> None:
    engines = store(spark)
    content = table(seed, 3_000, 4)
    for block in (BLOCK, BY_TIME, BLOCK | {"formats": ["csv", "parquet"]}):
        one = engines.spark(content, block, "tiny/a.csv", 20_000)
        assert_same(one, engines.function(content, block, "tiny/a.csv"))


@pytest.mark.spark
@pytest.mark.parametrize("form", ["csv.gz", "jsonl", "parquet"])
def test_spark_reads_every_form(spark: Any, store: Any, form: str) -> None:
    engines, key = store(spark), f"tiny/a.{form}"
    content = encoded(table(7, 2_000, 0), form)
    one = engines.spark(content, BLOCK, key, 20_000)
    assert_same(one, engines.function(content, BLOCK, key))


def assert_same(one: Any, other: Any) -> None:
    """Both are the same; the last of nine digits of a mean depends on the order of additions."""
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    assert replace(one, statistics={}) == replace(other, statistics={})
    assert flat(one.statistics) == {
        name: pytest.approx(value, rel=1e-8, abs=1e-9) if isinstance(value, float) else value
        for name, value in flat(other.statistics).items()
    }


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Every leaf of nested tables and lists by its path."""
    if isinstance(value, dict):
        return {k: v for name in value for k, v in flat(value[name], f"{path}/{name}").items()}
    if isinstance(value, list):
        return {k: v for n, x in enumerate(value) for k, v in flat(x, f"{path}/{n}").items()}
    return {path: value}


def encoded(content: bytes, form: str) -> bytes:
    """The table in another form."""
    if form == "csv.gz":
        return gzip.compress(content)
    frame = pl.read_csv(content, infer_schema=False)
    if form == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in frame.to_dicts()).encode()
    file = io.BytesIO()
    frame.write_parquet(file, row_group_size=70)
    return file.getvalue()
