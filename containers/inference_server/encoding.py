"""From what a client sends to the numbers the model was trained on.

Each column has two readings: `one` cell at a time, which defines what is allowed and names the
fault, and `many`, which is fast and hands over to `one` when anything is out of the ordinary.
A missing value is NaN, and so is a category that training never saw.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inference_server.errors import RequestError
from inference_server.schema import Feature, Schema

# The readings are those of preprocessing: text is stripped, nothing is missing, and NaN, which many
# programs write for a missing number, is too. "NA" is a category like any other (Namibia).
MISSING = frozenset({"", "nan"})
TRUE = frozenset({"true", "t", "yes", "y", "1"})
FALSE = frozenset({"false", "f", "no", "n", "0"})
_LARGEST = float(np.finfo(np.float32).max)
# Integers are 64-bit; written as 5.0 or 5e3 they are floats, exact below 2^53 only.
_EXACT = 2.0**53
_INTEGERS = range(-(2**63), 2**63)
_DIGITS = re.compile(r"[+-]?[0-9]+")
_NAN = math.nan


class _RefusedError(Exception):
    """A value its column does not allow; the message says what is allowed."""


class Column(Protocol):
    """How one feature is read."""

    def one(self, value: object) -> float: ...
    def many(self, values: Sequence[Any]) -> list[float] | None: ...


class NumberColumn:
    """A number within 32-bit floating point; text is read as a decimal number."""

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        self._allowed = "a whole number or nothing" if whole else "a number or nothing"

    def one(self, value: object) -> float:
        if value is None:
            return _NAN
        if isinstance(value, str):
            value = self._from_text(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _RefusedError(self._allowed)
        if math.isnan(value):
            return _NAN
        if not -_LARGEST <= value <= _LARGEST:
            raise _RefusedError("a number within ±3.4e38")
        if self._whole and not _is_whole(value):
            raise _RefusedError(self._allowed)
        return float(value)

    def many(self, values: Sequence[Any]) -> list[float] | None:
        try:
            found = [float(value) for value in values]
        except (TypeError, ValueError, OverflowError):
            return None
        kinds = set(map(type, values))
        # float() reads 1_000, other scripts' digits and true, which are none of ours.
        if kinds == {str}:
            text = "".join(values)
            if "_" in text or not text.isascii():
                return None
        elif not kinds <= {int, float}:
            return None
        array = np.array(found)
        if not (np.abs(array) <= _LARGEST).all():
            return None
        if self._whole and ((np.floor(array) != array) | (np.abs(array) >= _EXACT)).any():
            return None
        return found

    def _from_text(self, text: str) -> float:
        text = text.strip()
        if text.lower() in MISSING:
            return _NAN
        try:
            if "_" in text or not text.isascii():  # float() takes 1_000 and other scripts' digits
                raise ValueError
            return int(text) if self._whole and _DIGITS.fullmatch(text) else float(text)
        except ValueError:
            raise _RefusedError(self._allowed) from None


def _is_whole(value: float) -> bool:
    if isinstance(value, int):
        return value in _INTEGERS
    return value == math.floor(value) and abs(value) < _EXACT


class CategoryColumn:
    """The code of a known category; NaN for anything training never saw."""

    def __init__(self, categories: Sequence[str]) -> None:
        self._codes = {category: float(code) for code, category in enumerate(categories)}

    def one(self, value: object) -> float:
        if value is None:
            return _NAN
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, (list, dict)):
            raise _RefusedError("text or nothing")
        return self._codes.get(str(value).strip(), _NAN)

    def many(self, values: Sequence[Any]) -> list[float] | None:
        if set(map(type, values)) != {str}:
            return None
        codes = self._codes
        return [codes.get(value.strip(), _NAN) for value in values]


class BooleanColumn:
    """1 for true, 0 for false, in the ways people write them."""

    def one(self, value: object) -> float:
        if value is None:
            return _NAN
        if isinstance(value, str):
            word = value.strip().lower()
            if not word:
                return _NAN
            if word in TRUE or word in FALSE:
                return float(word in TRUE)
        elif isinstance(value, (bool, int, float)) and value in (0, 1):
            return float(value)
        raise _RefusedError("true, false, 1, 0 or nothing")

    def many(self, values: Sequence[Any]) -> list[float] | None:
        return None


class Encoder:
    """Rows in the order of the schema's features to float32 [rows, features]."""

    def __init__(self, schema: Schema) -> None:
        self.features = schema.features
        self._filled = schema.filled
        self._columns = [_column(feature) for feature in schema.features]
        self._required = [i for i, feature in enumerate(schema.features) if feature.required]

    def encode(self, rows: Sequence[Sequence[Any]]) -> NDArray[np.float32]:
        """The model's input.

        Raises:
            RequestError: naming the first bad row, its column, the value and what is allowed.
        """
        if len(rows) == 1:
            values = zip(self._columns, rows[0], strict=True)
            try:
                row = [column.one(value) for column, value in values]
            except _RefusedError:
                row = [self._read(0, index, value) for index, value in enumerate(rows[0])]
            matrix = np.array([row], dtype=np.float32)
        else:
            matrix = np.empty((len(rows), len(self._columns)), dtype=np.float32)
            for index, cells in enumerate(zip(*rows, strict=True)):
                found = self._columns[index].many(cells)
                if found is None:
                    found = [self._read(row, index, cell) for row, cell in enumerate(cells)]
                matrix[:, index] = found
        for index in self._required:
            missing = np.flatnonzero(np.isnan(matrix[:, index]))
            if missing.size:
                self._refuse(missing[0], index, rows[missing[0]][index], "a known value")
        return self._filled(matrix)

    def _read(self, row: int, index: int, value: object) -> float:
        try:
            return self._columns[index].one(value)
        except _RefusedError as refused:
            self._refuse(row, index, value, str(refused))
            raise

    def _refuse(self, row: int, index: int, value: object, allowed: str) -> None:
        name = self.features[index].name
        raise RequestError(
            f"row {row + 1}, column {name}: {shown(value)} is not allowed; allowed: {allowed}"
        ) from None


def shown(value: object) -> str:
    """A value for a message: short, on one line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _column(feature: Feature) -> Column:
    if feature.type == "category":
        return CategoryColumn(feature.categories)
    if feature.type == "boolean":
        return BooleanColumn()
    return NumberColumn(whole=feature.type == "integer")
