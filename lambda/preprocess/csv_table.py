"""CSV: regular pieces go straight into typed columns, the others through `records`."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl

from preprocess import records
from preprocess.batch import LINE, RAW, REASON, Batch, Job, counted, has_separators, texts
from preprocess.recipe import LARGEST
from preprocess.source import BOM
from preprocess.words import Words

TYPED: Mapping[str, pl.DataType | type[pl.DataType]] = {"number": pl.Float64, "integer": pl.Int64}
_QUOTED = r'"(?:[^"]|"")*"'
_FIELD = rf'(?:[^",]*|{_QUOTED})'
_REGULAR = rf"^{_FIELD}(?:,{_FIELD})*$"


class CsvTable:
    """Reads pieces of one table; `header` are all its names, `kinds` the parsed ones' types.

    Columns that have `words` come coded by them.
    """

    def __init__(
        self, header: Sequence[str], kinds: Mapping[str, str], words: Mapping[str, Words]
    ) -> None:
        self.width = len(header)
        self.fields = {name: f"field_{header.index(name)}" for name in kinds}
        self.kinds, self.words = kinds, words
        places = {header.index(name) for name in kinds}
        self.last = f"field_{self.width - 1}"
        self.places = sorted(places | {self.width - 1})
        # Columns where something odd was found are read as text from then on: only the text tells
        # what is wrong. Nothing but speed depends on it.
        self.as_text: set[str] = set()

    def jobs(self, pieces: Iterable[bytes]) -> Generator[Job]:
        """Yield what reads each piece, in order; they may run at once."""
        carried = b""
        for piece in pieces:
            whole, carried = carried + piece, b""
            if b'"' not in whole or self._regular(whole):
                yield partial(self.read, whole)
                continue
            batch, carried = self._by_definition(whole, last=False)
            yield partial(_given, batch)
        if carried:
            yield partial(_given, self._by_definition(carried, last=True)[0])

    def read(self, piece: bytes) -> Batch:
        """Return the records of a piece that holds no quote, or is regular in spite of them."""
        lines, quoted = counted(piece, "\n"), b'"' in piece
        frame = self._typed(piece, quoted=quoted) if quoted or self._plain(piece, lines) else None
        partly = len(self.places) < self.width and not quoted
        if partly and frame is not None and frame[self.last].null_count():
            # There are as many commas as there should be, and a line that has too few needs another
            # that has too many: which polars notices only when it reads all columns.
            self.places = list(range(self.width))
            frame = self._typed(piece, quoted=False)
        if frame is None or frame.height != lines:
            return self._by_definition(piece, last=True)[0]
        return Batch(
            frame=pl.DataFrame([frame[field].alias(name) for name, field in self.fields.items()]),
            lines=lines,
            texts=partial(texts, piece),
            separators=partial(has_separators, piece),
        )

    def _plain(self, piece: bytes, lines: int) -> bool:
        """Whether a piece has the right number of commas in all, and nothing that no field has."""
        blank = self.width == 1 and (b"\n\n" in piece or piece.startswith(b"\n"))
        commas = counted(piece, ",") == lines * (self.width - 1)
        return commas and not blank and not _unlike_any(piece)

    def _typed(self, piece: bytes, *, quoted: bool) -> pl.DataFrame | None:
        """Return the parsed columns, numbers as numbers where every one of them is one."""
        while True:
            typed = {
                name: TYPED[kind]
                for name, kind in self.kinds.items()
                if kind in TYPED and name not in self.as_text
            }
            coded = {n: w.type for n, w in self.words.items() if not w.as_text}
            try:
                frame = self._parsed(piece, {**typed, **coded}, quoted=quoted)
            except pl.exceptions.PolarsError:
                if not typed:
                    return None
                return self._as_text(piece, typed, quoted=quoted)
            if not (odd := {name for name in typed if _is_odd(frame[self.fields[name]])}):
                return frame
            self.as_text |= odd

    def _as_text(
        self, piece: bytes, typed: Mapping[str, Any], *, quoted: bool
    ) -> pl.DataFrame | None:
        """Return all as text, and read the columns that are to blame as text from then on."""
        try:
            frame = self._parsed(piece, {}, quoted=quoted)
        except pl.exceptions.PolarsError:
            return None
        columns = {name: frame[self.fields[name]] for name in typed}
        self.as_text |= {
            name
            for name, text in columns.items()
            if text.cast(typed[name], strict=False).null_count() > text.null_count()
        }
        return frame

    def _parsed(self, piece: bytes, typed: Mapping[str, Any], *, quoted: bool) -> pl.DataFrame:
        """Return the fields of these types, others as text; raise for what is none of its type.

        A value is null where its field is empty.
        """
        types = {self.fields[name]: kind for name, kind in typed.items()}
        return pl.read_csv(
            piece,
            has_header=False,
            schema={field: types.get(field, pl.String) for field in records.names(self.width)},
            columns=self.places,
            quote_char='"' if quoted else None,
        )

    def _regular(self, piece: bytes) -> bool:
        """Whether every line is a record of well-formed fields."""
        if _unlike_any(piece):
            return False
        raw = pl.col("raw")
        commas = raw.str.replace_all(_QUOTED, "").str.count_matches(",", literal=True)
        lines = pl.DataFrame({"raw": pl.Series(piece[:-1].decode().split("\n"))})
        regular = raw.str.contains(_REGULAR) & (raw != "") & (commas == self.width - 1)
        return bool(lines.select(regular.all()).item())

    def _by_definition(self, piece: bytes, *, last: bool) -> tuple[Batch, bytes]:
        lines = piece.decode().split("\n")[:-1]
        frame, used = records.parse(lines, self.width, last=last)
        frame = frame.select(
            pl.col("line").alias(LINE),
            pl.col("raw").alias(RAW),
            pl.col("reason").alias(REASON),
            *(pl.col(field).alias(name) for name, field in self.fields.items()),
        )
        rest = "".join(f"{line}\n" for line in lines[used:])
        return Batch(frame=frame, lines=used), rest.encode()


def _unlike_any(piece: bytes) -> bool:
    """Whether it has what no field has, or begins with what polars would pass over."""
    return b"\0" in piece or piece.startswith(BOM)


def _is_odd(values: pl.Series) -> bool:
    return values.dtype == pl.Float64 and not values.is_between(-LARGEST, LARGEST).all()


def _given(batch: Batch) -> Batch:
    return batch
