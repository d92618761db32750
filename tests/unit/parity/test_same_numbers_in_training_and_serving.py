"""One raw row gives the same numbers to training, through preprocessing, and to a served model.

Training reads what preprocessing wrote; serving encodes the request itself. Both are run here as
they are, on the same cells: either both give the same 32-bit number, or both refuse the cell.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference_server.encoding import Encoder
from inference_server.errors import RequestError
from inference_server.schema import read_schema as schema_of_server
from preprocess import dataset, encoding, recipe, validation
from preprocess.batch import INDEX
from preprocess.csv_table import CsvTable
from preprocess.recipe import Fitted
from training_job.channels import read_channel
from training_job.schema import read_schema as schema_of_trainer

SCRIPT = Path(__file__).parents[3] / "containers/xgboost_script/inference.py"
COLUMNS = {"size": "number", "count": "integer", "colour": "category", "ready": "boolean"}
CATEGORIES = ["NA", "nan", "blue", "red", "1", "true", "Ärger", "a,b", 'say "so"', "two\nlines"]
DECLARED = dataset.parse(
    {
        "name": "parity",
        "problem": "binary",
        "target": "label",
        "columns": {**COLUMNS, "label": "category"},
        "split": {"kind": "random", "train": 0.6, "validation": 0.2, "test": 0.2},
    }
)
FITTED = Fitted(
    dataset=DECLARED,
    features=COLUMNS,
    categories={"colour": CATEGORIES},
    fills={},
    classes=["no", "yes"],
)
REFUSED = None
Row = list[str]
Read = list[float] | None


def training(rows: list[Row], folder: Path) -> list[Read]:
    """What the trainer reads of the raw rows, REFUSED where the row is in quarantine.

    Before them is another: a byte order mark in the very first cell would be the file's.
    """
    rows = [_PLAIN, *rows]
    names = [*COLUMNS, "label"]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(
        [*row, ("no", "yes")[n % 2]] for n, row in enumerate(rows)
    )
    validator = validation.Validator(DECLARED, names)
    table = CsvTable(names, DECLARED.parsed(names), validator.words)
    good, bad, before = [], list[int](), 0
    for job in table.jobs(iter([text.getvalue().encode()])):
        checked = validator.check(job())
        good.append(checked.good.with_columns(pl.col(INDEX) + before))
        bad += [before + row for row in checked.bad["row"]]
        before += checked.rows
    taken = pl.concat(good)
    numbers = taken[INDEX].to_list()
    assert sorted([*numbers, *bad]) == list(range(len(rows)))
    found: list[Read] = [REFUSED] * len(rows)
    if numbers:
        channel = folder / "train"
        channel.mkdir(exist_ok=True)
        written = encoding.Encoder(FITTED).encode(taken)
        written.write_csv(channel / "train.csv", include_header=False, null_value="")
        read = read_channel("train", channel, schema_of_trainer(folder)).features
        for number, row in zip(numbers, read.tolist(), strict=True):
            found[number] = row
    return found[1:]


def serving(rows: list[Row], encode: Callable[[list[Row]], NDArray[np.float32]]) -> list[Read]:
    """What a server makes of each row on its own, REFUSED where it answers 400."""
    found: list[Read] = []
    for row in rows:
        try:
            found.append(encode([row])[0].tolist())
        except (RequestError, ValueError):
            found.append(REFUSED)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("parity")
    (made / "schema.json").write_text(json.dumps(FITTED.schema("0" * 16)))
    return made


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return Encoder(schema_of_server(folder / "schema.json"))


@pytest.fixture(scope="module")
def plain_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The server's fast way in, a class; of its own environment it needs orjson."""
    (installed,) = SCRIPT.parents[2].glob(
        ".venvs/inference_server/lib/python3*/site-packages/orjson"
    )
    extra = tmp_path_factory.mktemp("extra")
    (extra / "orjson").symlink_to(installed)
    sys.path.append(str(extra))
    yield importlib.import_module("inference_server.plain").PlainReader
    sys.path.remove(str(extra))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script for AWS's own XGBoost image; it imports xgboost only where it loads a model."""
    spec = importlib.util.spec_from_file_location("managed_inference", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# What people and programs write, and what is near it.
_NUMBERS = [
    *("", "NA", "NaN", "nan", "-nan", "null", "None", "inf", "-Infinity", "1e39", "3.4028235e38"),
    *("1e400", "-1e400", "1e-400", "1e-46", ".5", "5.", "+5", "++5", "- 5", "5.0", "5.5", "1e5"),
    *("1_000", "1,000", "0x10", "1d", "٣", "１", "00012", "-0", "-0.0", "1e18", "1e15", "True"),
    *("9007199254740993", "9007199254740992.0", "9223372036854775807", "9223372036854775808"),
]
_SPACES = st.text(st.sampled_from(" \t\x0b\x0c\x1c\x1f\x85\xa0\u2003\u200b\ufeff"), max_size=2)
_WORDS = [*recipe.TRUE, *recipe.FALSE, "TRUE", "False", "yEs", "2", "on", "oui", "-1"]
_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=6
)  # line ends inside a cell are in CATEGORIES; NUL and surrogates are no CSV in UTF-8
_COMMON = st.one_of(st.sampled_from([*_NUMBERS, *CATEGORIES, *_WORDS]), _TEXT)
_FLOATS = st.floats(allow_nan=True).map(repr) | st.floats(width=32).map(repr)
_INTEGERS = st.integers(-(2**64), 2**64).map(str) | st.integers(-100, 100).map(lambda n: f"{n}.0")


def _spaced(cells: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda a, cell, b: a + cell + b, _SPACES, cells, _SPACES) | cells


# One cell is anything, the others are plain: a row refused for one cell says nothing of the rest.
_PLAIN = ["1.5", "2", "blue", "true"]
_CELLS = [_COMMON | _FLOATS, _COMMON | _INTEGERS, _COMMON, _COMMON]
_ROWS = st.integers(0, len(_CELLS) - 1).flatmap(
    lambda n: _spaced(_CELLS[n]).map(lambda cell: [*_PLAIN[:n], cell, *_PLAIN[n + 1 :]])
)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(_ROWS, min_size=1, max_size=12))
@example(rows=[["\ufeff", "2", "blue", "true"]])
def test_a_row_is_the_same_numbers_in_training_and_serving(
    rows: list[Row], folder: Path, encoder: Encoder, script: ModuleType
) -> None:
    trained = training(rows, folder)
    features: list[dict[str, Any]] = FITTED.schema("0" * 16)["features"]
    assert_same(rows, trained, serving(rows, encoder.encode))
    assert_same(rows, trained, serving(rows, lambda some: script.encode(some, features)))
    # Many rows at once take another way through the server.
    taken = [n for n, read in enumerate(trained) if read is not REFUSED]
    if taken:
        together = encoder.encode([rows[n] for n in taken]).tolist()
        assert_same([rows[n] for n in taken], [trained[n] for n in taken], together)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(_ROWS, min_size=1, max_size=12))
def test_a_plain_row_is_the_same_numbers_in_training_and_serving(
    rows: list[Row], folder: Path, plain_reader: Any
) -> None:
    read = plain_reader(schema_of_server(folder / "schema.json")).matrix
    trained = training(rows, folder)
    taken = [n for n, row in enumerate(rows) if read([as_line(row)]) is not None]
    alone = [read([as_line(rows[n])])[0].tolist() for n in taken]
    assert_same([rows[n] for n in taken], [trained[n] for n in taken], alone)
    # They come in company, too.
    if taken:
        together = read([as_line(rows[n]) for n in taken]).tolist()
        assert_same([rows[n] for n in taken], alone, together)


_NUMERIC_ROWS = st.lists(
    st.tuples(_spaced(_COMMON | _FLOATS), _spaced(_COMMON | _INTEGERS)), min_size=1, max_size=12
)


@settings(max_examples=300, deadline=None)
@given(rows=_NUMERIC_ROWS | st.lists(st.tuples(_FLOATS, _INTEGERS), min_size=1, max_size=12))
def test_rows_of_numbers_alone_are_the_numbers_of_any_other_reading(
    rows: list[tuple[str, str]], folder: Path, plain_reader: Any
) -> None:
    schema = schema_of_server(folder / "schema.json")
    schema = replace(schema, features=schema.features[:2])
    assert [feature.type for feature in schema.features] == ["number", "integer"]
    read, cells = plain_reader(schema).matrix, [list(row) for row in rows]
    expected = serving(cells, Encoder(schema).encode)
    taken = [n for n, row in enumerate(cells) if read([as_line(row)]) is not None]
    alone = [read([as_line(cells[n])])[0].tolist() for n in taken]
    assert_same([cells[n] for n in taken], [expected[n] for n in taken], alone)
    if taken:
        together = read([as_line(cells[n]) for n in taken]).tolist()
        assert_same([cells[n] for n in taken], alone, together)


def as_line(row: Row) -> bytes:
    """The row as a client writes it."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue().encode()


def test_every_value_people_write_is_read_alike_in_plain_rows(
    folder: Path, plain_reader: Any
) -> None:
    rows = people_write()
    read = plain_reader(schema_of_server(folder / "schema.json")).matrix
    trained = training(rows, folder)
    taken = [n for n, row in enumerate(rows) if read([as_line(row)]) is not None]
    served = [read([as_line(rows[n])])[0].tolist() for n in taken]
    assert_same([rows[n] for n in taken], [trained[n] for n in taken], served)
    assert len(taken) > 100  # it takes what is plain, or this says nothing


def people_write() -> list[Row]:
    """Each value in each column, with and without a space before it."""
    cells = [space + cell for cell in (*_NUMBERS, *_WORDS, *CATEGORIES) for space in ("", " ")]
    return [[*_PLAIN[:n], cell, *_PLAIN[n + 1 :]] for cell in cells for n in range(len(_PLAIN))]


def test_every_value_people_write_is_read_alike(
    folder: Path, encoder: Encoder, script: ModuleType
) -> None:
    rows = people_write()
    features = FITTED.schema("0" * 16)["features"]
    trained = training(rows, folder)
    assert_same(rows, trained, serving(rows, encoder.encode))
    assert_same(rows, trained, serving(rows, lambda some: script.encode(some, features)))
    # Not all alike because everything is refused, or nothing.
    assert 100 < sum(read is REFUSED for read in trained) < len(rows) - 100


def assert_same(rows: list[Row], trained: list[Read], served: list[Read]) -> None:
    for row, one, other in zip(rows, trained, served, strict=True):
        if one is REFUSED or other is REFUSED:
            assert one is other, f"{row}: training {one}, serving {other}"
        else:
            same = np.array_equal(
                np.array(one, np.float32), np.array(other, np.float32), equal_nan=True
            )
            assert same, f"{row}: training {one}, serving {other}"
