"""Predictions to response bodies.

Numbers are written as the shortest text that reads back as the same 32-bit float, by orjson: its
texts of a whole batch cost less than one call of Python's own formatting.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from inference_server.decoding import CSV, JSON

_NULL = b"null"
# What a body is besides its rows: what stands around them, and what between.
_JSON_BODY = (b'{"predictions":[%b]}', b",")
# No newline at the end: batch transform adds one itself when it assembles lines.
_LINES = (b"%b", b"\n")


class Writer:
    """Bodies of predictions: labels with the probability of each class, or values."""

    def __init__(self, classes: Sequence[str] | None) -> None:
        self._classes = classes
        if classes is not None:
            members = [orjson.dumps(name).replace(b"%", b"%%") + b":%b" for name in classes]
            template = b'{"label":%b,"probabilities":{' + b",".join(members) + b"}}"
            self._objects = template
            self._json_labels = [orjson.dumps(name) for name in classes]
            self._csv_labels = [_csv_cell(name) for name in classes]

    def rows(self, predicted: NDArray[np.float32], accept: str) -> list[bytes]:
        """Each row in a text format, for `bodies` to put together."""
        table = np.ascontiguousarray(predicted.reshape(len(predicted), -1), dtype=np.float32)
        text = orjson.dumps(table, option=orjson.OPT_SERIALIZE_NUMPY)
        if accept == CSV and _NULL in text:  # JSON has no word for these, CSV has
            numbers = [",".join(map(repr, row)).encode() for row in table.tolist()]
        elif accept == CSV or self._classes is None:
            numbers = text[2:-2].split(b"],[")
        if self._classes is None:
            if accept == CSV:
                return numbers
            shape = b'{"value":%b}' if table.shape[1] == 1 else b'{"value":[%b]}'
            return [shape % row for row in numbers]
        best = table.argmax(axis=1).tolist()
        if accept == CSV:
            labels = self._csv_labels
            return [labels[i] + b"," + row for i, row in zip(best, numbers, strict=True)]
        labels, shape = self._json_labels, self._objects
        flat = iter(text[2:-2].replace(b"],[", b",").split(b","))
        columns = [flat] * table.shape[1]  # the same iterator: each takes the next number
        best_labels = [labels[i] for i in best]
        return [shape % values for values in zip(best_labels, *columns, strict=True)]

    def bodies(self, rows: Sequence[bytes], counts: Sequence[int], accept: str) -> list[bytes]:
        """The response bodies of requests with so many of the rows each, at least one."""
        frame, between = _JSON_BODY if accept == JSON else _LINES
        if len(rows) == len(counts):  # a row each
            return [frame % row for row in rows]
        upcoming = iter(rows)
        return [frame % between.join(islice(upcoming, count)) for count in counts]


def _csv_cell(value: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([value])
    return text.getvalue().encode()
