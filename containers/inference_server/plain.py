"""The fast way in for what is most common: one row of CSV a request, many requests at a time."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from inference_server.encoding import FALSE, TRUE
from inference_server.schema import Feature, Schema

_LARGEST = float(np.finfo(np.float32).max)
_EXACT = 2.0**53
# What numbers are written with. Nothing else but commas and newlines may be there.
_NUMERIC = b"0123456789+-.eE \t"
_NAN = math.nan


class PlainReader:
    """Rows to the model's input; what is out of the ordinary is left to `Decoder`.

    It never refuses: whatever it does not take for certain, it does not take.
    """

    def __init__(self, schema: Schema) -> None:
        features = schema.features
        self._filled = schema.filled
        self._width = len(features)
        self._whole = [i for i, one in enumerate(features) if one.type == "integer"]
        self._required = [i for i, one in enumerate(features) if one.required]
        self._numeric = all(one.type in ("number", "integer") for one in features)
        # None: a number. A word that is not in its table may be all sorts of things, a header too.
        self._tables = [_table(one) for one in features]
        # A header is told from a row by a name that is no number where a number is expected.
        self.possible = any(
            one.type in ("number", "integer") and not _is_number(one.name) for one in features
        )

    def matrix(self, bodies: Sequence[bytes]) -> NDArray[np.float32] | None:
        """The model's input, a row for each body; None if one of them is not a plain row."""
        if not self.possible:
            return None
        bodies = [body.rstrip(b"\r\n") for body in bodies]
        wide = self._numbers(bodies) if self._numeric else None
        if wide is None:
            wide = self._cells(bodies)
        if wide is None or (np.abs(wide) > _LARGEST).any():
            return None
        if self._whole:
            whole = wide[:, self._whole]
            fraction = (np.floor(whole) != whole) & (whole == whole)
            if fraction.any() or (np.abs(whole) >= _EXACT).any():
                return None
        if self._required and np.isnan(wide[:, self._required]).any():
            return None
        return self._filled(wide.astype(np.float32))

    def _numbers(self, bodies: Sequence[bytes]) -> NDArray[np.float64] | None:
        """All rows by one call of a JSON parser, the fastest reader of numbers there is."""
        text = b"\n".join(bodies)
        row = b"," * (self._width - 1)
        if text.translate(None, _NUMERIC) != b"\n".join([row] * len(bodies)):
            return None  # words, several rows in one body, or rows of another width
        try:
            numbers = orjson.loads(b"[" + text.replace(b"\n", b",") + b"]")
            # One list without rows in it, packed: NumPy asks every item of a list for its type.
            packed = struct.pack(f"{len(numbers)}d", *numbers)
            return np.frombuffer(packed, dtype=np.float64).reshape(len(bodies), self._width)
        except ValueError:  # no JSON, or nothing at all
            return None

    def _cells(self, bodies: Sequence[bytes]) -> NDArray[np.float64] | None:
        """Row by row, without text in between: a number by float(), a word by its table."""
        rows = []
        for body in bodies:
            if b"_" in body or b'"' in body or b"\n" in body or b"\r" in body or not body:
                return None  # float() reads 1_000
            cells = body.split(b",")
            if len(cells) != self._width:
                return None
            try:
                rows.append(
                    [
                        table[cell] if table else float(cell or b"nan")
                        for table, cell in zip(self._tables, cells, strict=True)
                    ]
                )
            except (KeyError, ValueError):
                return None
        return np.array(rows, dtype=np.float64)


def _table(feature: Feature) -> dict[bytes, float] | None:
    if feature.type == "category":
        found = {name.encode(): float(code) for code, name in enumerate(feature.categories)}
        # As it is looked up: the stripped text, where nothing is missing.
        return {b"": _NAN} | {name: code for name, code in found.items() if name == name.strip()}
    if feature.type == "boolean":
        words = dict.fromkeys(TRUE, 1.0) | dict.fromkeys(FALSE, 0.0)
        words |= {word.capitalize(): value for word, value in words.items()}
        return {b"": _NAN} | {word.encode(): value for word, value in words.items()}
    return None


def _is_number(name: str) -> bool:
    try:
        float(name or "nan")
    except ValueError:
        return False
    return True
