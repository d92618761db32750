"""Predictions to response bodies."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from inference_server.decoding import CSV, JSON


def encode_classes(
    classes: Sequence[str], probabilities: NDArray[np.float32], accept: str
) -> bytes:
    """The most probable label of each row and the probability of every class."""
    rows = _shortest(probabilities)
    labels = [classes[index] for index in probabilities.argmax(axis=1).tolist()]
    if accept == CSV:
        return _csv([label, *row] for label, row in zip(labels, rows, strict=True))
    return _json(
        [
            {"label": label, "probabilities": dict(zip(classes, row, strict=True))}
            for label, row in zip(labels, rows, strict=True)
        ],
        accept,
    )


def encode_values(values: NDArray[np.float32], accept: str) -> bytes:
    """The value of each row; several values of a row stay together."""
    rows = _shortest(values.reshape(len(values), -1))
    if accept == CSV:
        return _csv(rows)
    return _json([{"value": row[0] if len(row) == 1 else row} for row in rows], accept)


def _shortest(values: NDArray[np.float32]) -> list[list[float]]:
    # As 64-bit a 0.3 would read 0.30000001192092896: go through the shortest text that is exact.
    result: list[list[float]] = values.astype("U16").astype(np.float64).tolist()
    return result


def _csv(rows: Any) -> bytes:
    # No newline at the end: batch transform adds one itself when it assembles lines.
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().removesuffix("\n").encode()


def _json(predictions: list[dict[str, Any]], accept: str) -> bytes:
    if accept == JSON:
        content: bytes = orjson.dumps({"predictions": predictions})
        return content
    return b"\n".join(map(orjson.dumps, predictions))
