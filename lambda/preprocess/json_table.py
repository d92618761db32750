"""JSON lines: one object a line; what polars reads otherwise than Python is read by Python."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from functools import partial
from typing import Any

import polars as pl

from preprocess.batch import LINE, RAW, REASON, Batch, Job, texts
from preprocess.faults import ObjectFault

NAMED_ROWS = 1_000  # lines whose keys are taken for the table's columns
NO_OBJECT = "not a JSON object"
# Text that stands for another JSON value than a string or a plain integer.
_ODD = r"^[\[{]|^-?\d+[.eE]|^-?\d{17}"


class JsonTable:
    """Reads pieces of one object a line; `kinds` are the parsed columns' types."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = kinds

    def jobs(self, pieces: Iterable[bytes]) -> Generator[Job]:
        """Yield what reads each piece, in order; they may run at once."""
        for piece in pieces:
            yield partial(self.read, piece)

    def read(self, piece: bytes) -> Batch:
        """Return the records of a piece."""
        lines = piece.count(b"\n")
        try:
            frame = pl.read_ndjson(piece, schema=dict.fromkeys(self.kinds, pl.String))
        except (pl.exceptions.PolarsError, UnicodeDecodeError):
            return self._by_definition(piece)
        # Numbers as labels and nested values have no text of their own: Python says what it is.
        labels = [name for name, kind in self.kinds.items() if kind != "number"]
        odd = pl.any_horizontal(pl.col(name).str.contains(_ODD).any() for name in labels)
        if frame.height != lines or (labels and frame.select(odd).item()):
            return self._by_definition(piece)
        return Batch(frame=frame, lines=lines, texts=partial(texts, piece))

    def _by_definition(self, piece: bytes) -> Batch:
        lines = piece.decode().split("\n")[:-1]
        kept = [(n, line, *_object(line)) for n, line in enumerate(lines) if line.strip()]
        frame = pl.DataFrame(
            {
                LINE: pl.Series([k[0] for k in kept], dtype=pl.UInt64),
                RAW: pl.Series([k[1] for k in kept], dtype=pl.String),
                REASON: pl.Series([k[3] for k in kept], dtype=pl.String),
                **{
                    name: pl.Series([_shown(k[2].get(name)) for k in kept], dtype=pl.String)
                    for name in self.kinds
                },
            }
        )
        return Batch(frame=frame, lines=len(lines))


def names(piece: bytes) -> list[str]:
    """Return the keys of the first lines, in the order they first appear."""
    found: dict[str, None] = {}
    for line in piece.decode().split("\n")[:NAMED_ROWS]:
        found |= dict.fromkeys(_object(line)[0])
    if not found and not piece.strip():
        raise ObjectFault("It is empty: there is no row.")
    return list(found)


def _object(line: str) -> tuple[dict[str, Any], str | None]:
    if not line.strip():
        return {}, None
    try:
        # Of a key that comes twice the first counts.
        found = json.loads(line, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    except (ValueError, RecursionError):
        return {}, NO_OBJECT
    if not isinstance(found, dict):
        return {}, NO_OBJECT
    if "\0" in line or any("\0" in v for v in found.values() if isinstance(v, str)):
        return {}, "holds a NUL byte"
    return dict(reversed(found.items())), None


def _shown(value: Any) -> str | None:
    """A JSON value as serving reads it: the text of a category, the digits of a number."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    return json.dumps(value) if isinstance(value, list | dict) else str(value)
