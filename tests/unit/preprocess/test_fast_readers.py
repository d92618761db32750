"""The fast readers of CSV and JSON lines return what the definitions of a record do."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.batch import Batch
from preprocess.csv_table import CsvTable
from preprocess.dataset import parse
from preprocess.json_table import JsonTable
from preprocess.validation import Checked, Validator

NAMES = ["size", "count", "colour", "ready", "at", "note", "label"]
KINDS = ("number", "integer", "category", "boolean", "timestamp", "text", "integer")
DATASET = parse(
    {
        "name": "tiny",
        "problem": "multiclass",
        "target": "label",
        "drop": ["note"],
        "columns": dict(zip(NAMES, KINDS, strict=True)),
        "split": {"kind": "time", "by": "at", "train": 0.6, "validation": 0.2, "test": 0.2},
    }
)
NUMBERS = (
    "5",
    "-0",
    "+7",
    "007",
    "5.0",
    ".5",
    "5.",
    "1e3",
    "1e400",
    "3.5e38",
    "nan",
    "-inf",
    "0x1",
)
WIDE = ("9223372036854775808", "9223372036854775807", "1_0", "1d", "true", "Yes", "f", "null")
TIMES = ("2024-01-05", "2024-01-05T10:00Z", "2024-13-01")
SPACED = (
    "",
    " ",
    "\t",
    " 5",
    "5 ",
    "\u00a05",
    "\x1c5",
    " red ",
    "red",
    "grün",
    "oops",
    "a\0b",
    "\ufeff5",
    "\ufeff",
)
FIELD = st.sampled_from((*NUMBERS, *WIDE, *TIMES, *SPACED))
GOOD = st.just(("5", "7", "red", "true", "2024-01-05", "n", "1"))
ODD = st.tuples(FIELD, *map(st.just, ("7", "red", "t", "2024-01-05", "n", "1")))
ROW = GOOD | ODD | st.tuples(*[FIELD] * 7)
QUOTED = st.sampled_from(('"5"', '"a,b"', '"a""b"', '""', '5"x', '" 5"', '"x'))
LINE = ROW.map(",".join) | st.lists(FIELD, max_size=8).map(",".join)
WITH_QUOTES = LINE | st.tuples(FIELD, QUOTED, *[FIELD] * 5).map(",".join)
KEPT = DATASET.parsed(NAMES)


def _same(validator: Validator, fast: Batch, defined: Batch) -> None:
    found, expected = validator.check(fast), validator.check(defined)
    assert _shown(found) == _shown(expected)


def _shown(checked: Checked) -> tuple[Any, ...]:
    good = checked.good.with_columns(pl.col("colour").cast(pl.String))
    return good.rows(), checked.bad.rows(), checked.rows, checked.lines


@settings(max_examples=100, deadline=None, derandomize=True)
@given(pieces=st.lists(st.lists(LINE, min_size=1, max_size=6), min_size=1, max_size=4))
def test_csv_without_quotes_is_read_as_defined(pieces: list[list[str]]) -> None:
    """One reader for all pieces: what it learns from one changes nothing in the next."""
    validator = Validator(DATASET, NAMES)
    table = CsvTable(NAMES, KEPT, validator.words)
    for lines in pieces:
        piece = "".join(f"{line}\n" for line in lines).encode()
        _same(validator, table.read(piece), table._by_definition(piece, last=True)[0])


def test_a_piece_that_begins_with_a_byte_order_mark_keeps_it() -> None:
    """Where the object is cut must not matter; only its own mark, at its very start, is none."""
    validator = Validator(DATASET, NAMES)
    table = CsvTable(NAMES, KEPT, validator.words)
    for colour in ("red", '"red"'):
        row = ",".join(("\ufeff5", "7", colour, "true", "2024-01-05", "n", "1"))
        (read,) = table.jobs([f"{row}\n".encode()])
        bad = validator.check(read()).bad
        assert bad["reason"].to_list() == ["size: not a finite 32-bit number ('\ufeff5')"]


def test_a_field_too_many_and_one_too_few_do_not_make_up_for_each_other() -> None:
    """Nor when polars is not to read all columns: then it does not notice the one too many."""
    good = b"5,7,red,true,2024-01-05,n,1\n"
    for piece in (good + b"5,7,red,true,2024-01-05,n,1,8\n5,7,red,true,2024-01-05,n\n", good):
        validator = Validator(DATASET, NAMES)
        table = CsvTable(NAMES, KEPT, validator.words)
        found = validator.check(table.read(piece))
        reasons = [f"{n} fields where the header has 7" for n in (8, 6)] if piece != good else []
        assert found.bad["reason"].to_list() == reasons


@settings(max_examples=100, deadline=None, derandomize=True)
@given(lines=st.lists(WITH_QUOTES, min_size=1, max_size=6))
def test_csv_with_quotes_is_read_as_defined(lines: list[str]) -> None:
    validator = Validator(DATASET, NAMES)
    table = CsvTable(NAMES, KEPT, validator.words)
    piece = "".join(f"{line}\n" for line in lines).encode()
    found = [job() for job in table.jobs([piece])]
    expected = [table._by_definition(piece, last=True)[0]]
    if len(found) == 1:
        _same(validator, found[0], expected[0])
    else:  # an open quote was carried over to see whether the next piece closes it
        assert sum(b.frame.height for b in found) == expected[0].frame.height


VALUE = (
    FIELD
    | st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from(([1], {"a": 1}, 5.0, 1e16, 10**18))
)
OBJECT = st.dictionaries(st.sampled_from([*NAMES, "other"]), VALUE).map(json.dumps)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    lines=st.lists(OBJECT | st.sampled_from(("", "[1]", "5", "{", "not")), min_size=1, max_size=6)
)
def test_json_lines_are_read_as_defined(lines: list[str]) -> None:
    table, validator = JsonTable(KEPT), Validator(DATASET, NAMES)
    piece = "".join(f"{line}\n" for line in lines).encode()
    _same(validator, table.read(piece), table._by_definition(piece))
