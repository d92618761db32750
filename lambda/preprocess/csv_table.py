"""CSV: regular pieces go straight into typed columns, the others through `records`."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl

from preprocess import records
from preprocess.batch import LINE, RAW, REASON, Batch, Job, has_separators, texts
from preprocess.recipe import LARGEST

TYPED: Mapping[str, pl.DataType | type[pl.DataType]] = {"number": pl.Float64, "integer": pl.Int64}
_QUOTED = r'"(?:[^"]|"")*"'
_FIELD = rf'(?:[^",]*|{_QUOTED})'
_REGULAR = rf"^{_FIELD}(?:,{_FIELD})*$"


class CsvTable:
    """Reads pieces of one table; `header` are all its names, `kinds` the parsed ones' types."""

    def __init__(self, header: Sequence[str], kinds: Mapping[str, str]) -> None:
        self.width = len(header)
        self.fields = {name: f"field_{header.index(name)}" for name in kinds}
        self.kinds = kinds
        places = {header.index(name) for name in kinds}
        # polars notices a line with too many fields only when it reads the last one.
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
        lines, quoted = piece.count(b"\n"), b'"' in piece
        plain = quoted or (
            b"\0" not in piece
            and piece.count(b",") == lines * (self.width - 1)
            and not (self.width == 1 and (b"\n\n" in piece or piece.startswith(b"\n")))
        )
        frame = self._typed(piece, quoted=quoted) if plain else None
        if frame is None or frame.height != lines:
            return self._by_definition(piece, last=True)[0]
        return Batch(
            frame=frame,
            lines=lines,
            texts=partial(texts, piece),
            separators=has_separators(piece),
        )

    def _typed(self, piece: bytes, *, quoted: bool) -> pl.DataFrame | None:
        """Return the parsed columns, numbers as numbers where every one of them is one."""
        while True:
            typed = {
                name: TYPED[kind]
                for name, kind in self.kinds.items()
                if kind in TYPED and name not in self.as_text
            }
            try:
                frame = self._parsed(piece, typed, quoted=quoted)
            except pl.exceptions.PolarsError:
                if not typed:
                    return None
                return self._as_text(piece, typed, quoted=quoted)
            if not (odd := {name for name in typed if _is_odd(frame[name])}):
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
        wrong = frame.select(
            ((pl.col(name) != "") & pl.col(name).cast(kind, strict=False).is_null()).any()
            for name, kind in typed.items()
        )
        self.as_text |= {name for name in typed if wrong[name].item()}
        return frame

    def _parsed(self, piece: bytes, typed: Mapping[str, Any], *, quoted: bool) -> pl.DataFrame:
        """Return the columns of these types, others as text; raise for what is none of its type.

        A number is null where its field is empty or blank.
        """
        types = {self.fields[name]: kind for name, kind in typed.items()}
        frame = pl.read_csv(
            piece,
            has_header=False,
            schema={field: types.get(field, pl.String) for field in records.names(self.width)},
            columns=self.places,
            empty_string_is_null=False,
            quote_char='"' if quoted else None,
        )
        return frame.select(pl.col(field).alias(name) for name, field in self.fields.items())

    def _regular(self, piece: bytes) -> bool:
        """Whether every line is a record of well-formed fields."""
        if b"\0" in piece:
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


def _is_odd(values: pl.Series) -> bool:
    return values.dtype == pl.Float64 and not values.is_between(-LARGEST, LARGEST).all()


def _given(batch: Batch) -> Batch:
    return batch
