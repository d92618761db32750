"""The rows of a channel as numbers: target first, then the features, no header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training_job.failure import TrainingError
from training_job.schema import Schema

_EMPTY_FIELD = re.compile(r"(?<=,)(?=,|$)|^(?=,)")
_RAGGED = re.compile(r"changed from (\d+) to (\d+) at row (\d+)")
_TEXT = re.compile(r"could not convert string '(.*)' to .* at row (\d+), column (\d+)", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """One channel: `features` is float32 [rows, features] with NaN for missing."""

    channel: str
    target: NDArray[np.float32]
    features: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.target)

    def part(self, index: int, count: int) -> Rows:
        """Every `count`-th row from `index` on: the parts of all instances are all rows, once."""
        own = slice(index, None, count)
        return Rows(channel=self.channel, target=self.target[own], features=self.features[own])


def read_channel(channel: str, folder: Path, schema: Schema, *, may_be_empty: bool = False) -> Rows:
    """All rows of a channel's files, in the order of the files' names.

    `may_be_empty` is for an instance that got none of a sharded channel's objects.

    Raises:
        TrainingError: nothing there, ragged rows, text, a wrong number of columns, or a target
            that is missing or is not one of the schema's classes.
    """
    files = _files(folder)
    tables = [table for file in files if (table := _read_file(channel, file, schema)) is not None]
    if may_be_empty and not tables:
        none = np.empty((0, 1 + len(schema.features)), dtype=np.float32)
        return Rows(channel=channel, target=none[:, 0], features=none[:, 1:])
    if not files:
        raise TrainingError(
            f"channel {channel} holds no file; it needs at least one CSV file without a header, "
            "target in the first column"
        )
    if not tables:
        names = ", ".join(file.name for file in files[:3])
        raise TrainingError(f"channel {channel} holds no rows: {names} is empty")
    table = tables[0] if len(tables) == 1 else np.concatenate(tables)
    rows = Rows(channel=channel, target=table[:, 0].copy(), features=table[:, 1:])
    _check_target(rows, schema)
    return rows


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith((".", "_"))
    )


def _lines(file: Path) -> Iterator[str]:
    # A missing value is an empty field, which numpy's fast reader does not know.
    with file.open(encoding="utf-8-sig") as lines:
        for line in lines:
            text = line.strip()
            if text:
                has_gap = text[0] == "," or text[-1] == "," or ",," in text
                yield _EMPTY_FIELD.sub("nan", text) if has_gap else text


def _read_file(channel: str, file: Path, schema: Schema) -> NDArray[np.float32] | None:
    where = f"channel {channel}, file {file.name}"
    if not any(True for _ in _first(file, where)):
        return None
    try:
        table = np.loadtxt(_lines(file), delimiter=",", dtype=np.float32, ndmin=2, comments=None)
    except UnicodeDecodeError as error:
        raise TrainingError(f"{where} is not text in UTF-8; give CSV files") from error
    except ValueError as error:
        raise TrainingError(f"{where}, {_explain(str(error), schema)}") from error
    expected = 1 + len(schema.features)
    if table.shape[1] != expected:
        raise TrainingError(
            f"{where} has {table.shape[1]} columns, the schema has {expected}: the target "
            f"{schema.target} and {len(schema.features)} features"
        )
    if np.isinf(table).any():
        row, column = (int(index[0]) for index in np.nonzero(np.isinf(table)))
        raise TrainingError(
            f"{where}, row {row + 1}, column {_column(column, schema)} is not a finite 32-bit "
            "number; allowed: a finite number or nothing"
        )
    return table


def _first(file: Path, where: str) -> Iterator[str]:
    try:
        yield from (line for _, line in zip(range(1), _lines(file), strict=False))
    except UnicodeDecodeError as error:
        raise TrainingError(f"{where} is not text in UTF-8; give CSV files") from error


def _explain(message: str, schema: Schema) -> str:
    if ragged := _RAGGED.search(message):
        before, now, row = ragged.groups()
        return f"row {row} has {now} columns where the rows before it have {before}"
    if text := _TEXT.search(message):
        value, row, column = text.groups()
        hint = " (is there a header line? the files must have none)" if row == "0" else ""
        return (
            f"row {int(row) + 1}, column {_column(int(column) - 1, schema)} holds {value[:60]!r}; "
            f"allowed: a number or nothing{hint}"
        )
    return message


def _column(index: int, schema: Schema) -> str:
    names = (schema.target, *schema.features)
    return f"{index + 1} ({names[index]})" if index < len(names) else str(index + 1)


def _check_target(rows: Rows, schema: Schema) -> None:
    missing = np.flatnonzero(np.isnan(rows.target))
    if missing.size:
        raise TrainingError(
            f"channel {rows.channel}, row {missing[0] + 1}: the target {schema.target} is missing "
            f"({missing.size} such rows); every row needs one"
        )
    if schema.problem == "regression":
        return
    codes = range(schema.class_count)
    bad = np.flatnonzero(~np.isin(rows.target, codes))
    if bad.size:
        raise TrainingError(
            f"channel {rows.channel}, row {bad[0] + 1}: the target {schema.target} is "
            f"{rows.target[bad[0]]:g} ({bad.size} such rows); allowed: the class codes "
            f"0 to {codes[-1]} ({', '.join(schema.classes[:10])})"
        )
