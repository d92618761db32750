"""Request bodies to rows: CSV, JSON, JSON lines and Parquet."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson

from inference_server import parquet
from inference_server.encoding import shown
from inference_server.errors import RequestError

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
NPY = "application/x-npy"
PARQUET = "application/x-parquet"
_LONGEST_HINTED = 200
_BOM = b"\xef\xbb\xbf"


class Decoder:
    """Bodies to rows of raw values in the order of `names`."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._known = set(names)
        self._readers: dict[str, Callable[[bytes], list[Sequence[Any]]]] = {
            CSV: self._csv,
            JSON: self._json,
            JSON_LINES: self._json_lines,
        }

    def decode(self, body: bytes, content_type: str) -> list[Sequence[Any]]:
        """The rows of a body; each has one value per name.

        Raises:
            RequestError: 400 with the row and what is wrong with it.
        """
        if content_type == PARQUET:
            return parquet.read_rows(body, self._names)
        if body.startswith(_BOM):
            body = body[3:]
        if not body.strip():
            raise RequestError("the body is empty; send at least one row")
        return self._readers[content_type](body)

    def _csv(self, body: bytes) -> list[Sequence[Any]]:
        text = _utf8(body)
        if "\r" in text:  # preprocessing reads every line end as one, inside quotes too
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if '"' not in text and "\n" not in text.rstrip("\n"):
            rows: list[list[str]] = [text.rstrip("\n").split(",")]
        else:
            rows = list(self._lines(text))
        header = self._header(rows[0])
        if header:
            rows = rows[1:]
            if not rows:
                raise RequestError("there is a header but no row after it")
        width = len(self._names)
        for number, row in enumerate(rows, start=1):
            if len(row) != width:
                if width == 1 and not row:  # one column, nothing in it: a missing value
                    row.append("")
                    continue
                raise RequestError(self._wrong_width(number, len(row), "CSV row"))
        if header and header != self._names:
            order = [header.index(name) for name in self._names]
            return [[row[index] for index in order] for row in rows]
        return list(rows)

    def _lines(self, text: str) -> Iterator[list[str]]:
        """The lines, ending after the first of a wrong width: the rest need not be read."""
        width = len(self._names)
        try:
            for row in csv.reader(io.StringIO(text, newline=""), strict=True):
                yield row
                if len(row) != width and width > 1:
                    return
        except csv.Error as error:
            raise RequestError(f"the body is not CSV: {error}") from None

    def _header(self, row: Sequence[str]) -> list[str] | None:
        cells = [cell.strip() for cell in row]
        if len(cells) == len(self._names) and set(cells) == self._known:
            return cells
        # A near miss read as data would give a puzzling fault about a value, or none at all.
        known = [cell for cell in cells if cell in self._known]
        if len(known) > len(self._names) / 2:
            raise RequestError(
                f"the header does not match; its columns must be {', '.join(self._names)} "
                f"(got {', '.join(cells)[:300]})"
            )
        return None

    def _json(self, body: bytes) -> list[Sequence[Any]]:
        content = _load(body, "the body")
        if not isinstance(content, dict) or "instances" not in content:
            raise RequestError('the body must be a JSON object like {"instances": [{...}, ...]}')
        if len(content) > 1:
            others = ", ".join(shown(name) for name in content if name != "instances")
            raise RequestError(f"the body has unknown keys: {others[:200]}; allowed: 'instances'")
        instances = content["instances"]
        if not isinstance(instances, list) or not instances:
            raise RequestError("instances must be a list with at least one row")
        return [self._row(number, row) for number, row in enumerate(instances, start=1)]

    def _json_lines(self, body: bytes) -> list[Sequence[Any]]:
        lines = body.removesuffix(b"\n").split(b"\n")
        return [
            self._row(number, _load(line, f"row {number}"))
            for number, line in enumerate(lines, start=1)
        ]

    def _row(self, number: int, row: object) -> Sequence[Any]:
        if isinstance(row, dict):
            if not row.keys() <= self._known:
                name = next(name for name in row if name not in self._known)
                # The longer the name, the longer the search: seconds for one of megabytes.
                short = len(name) <= _LONGEST_HINTED
                near = difflib.get_close_matches(name, self._names, n=1) if short else []
                hint = f"did you mean {near[0]}?" if near else f"allowed: {self._listed()}"
                raise RequestError(f"row {number}: column {shown(name)} is unknown; {hint}")
            if not row:
                raise RequestError(f"row {number} has no columns; allowed: {self._listed()}")
            return [row.get(name) for name in self._names]
        if not isinstance(row, list):
            raise RequestError(
                f"row {number}: {shown(row)} is not a row; allowed: an object with column names, "
                "or a list of values"
            )
        if len(row) != len(self._names):
            raise RequestError(self._wrong_width(number, len(row), "list"))
        return row

    def _wrong_width(self, number: int, got: int, what: str) -> str:
        return f"row {number} has {got} values; a {what} has {len(self._names)}: {self._listed()}"

    def _listed(self) -> str:
        names = ", ".join(self._names)
        return names if len(names) <= 300 else names[:297] + "..."


def _utf8(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(
            f"the body is not UTF-8: byte {error.start + 1} is 0x{body[error.start]:02x}"
        ) from None


def _load(content: bytes, what: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"{what} is not JSON: {error}") from None
