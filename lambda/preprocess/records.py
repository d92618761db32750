"""Bytes into records: one frame per block of lines, each record with its number and its text.

Nothing here knows types. What cannot be a record (wrong number of fields, broken quoting, a NUL)
comes out beside the good ones with a reason, so the two always add up to what was read.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from preprocess.faults import ObjectFault

MAX_LINE = 1 << 20  # characters; a longer "line" means this is not a table
MAX_COLUMNS = 2_000
# A quote that is never closed would swallow the rest of the file. A record of more lines than
# this is taken for one broken line, and reading goes on with the line after it.
MAX_RECORD_LINES = 50
BAD = {"row": pl.UInt64, "line": pl.UInt64, "reason": pl.String, "raw": pl.String}
BROKEN = "broken quoting"

csv.field_size_limit(MAX_LINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """`good` has row, line, raw and one string column per header field; `bad` has BAD's columns."""

    good: pl.DataFrame
    bad: pl.DataFrame


def lines(chunks: Iterable[bytes]) -> Iterator[list[str]]:
    """Yield lists of complete lines without their ends (LF, CRLF or CR); a BOM is left out.

    Raises `ObjectFault` with the byte offset where the bytes stop being UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, rest = 0, ""
    for chunk in chunks:
        held = len(decoder.getstate()[0])
        try:
            decoded = decoder.decode(chunk)
        except UnicodeDecodeError as error:
            raise _not_utf8(offset - held + error.start, error) from None
        text = rest + (decoded if offset else decoded.removeprefix("\ufeff"))
        offset += len(chunk)
        # A CR at the very end may be half of a CRLF: it waits for the next chunk.
        keep = "\r" if text.endswith("\r") else ""
        *complete, rest = _unified(text[: len(text) - len(keep)]).split("\n")
        rest += keep
        if len(rest) > MAX_LINE or any(len(line) > MAX_LINE for line in complete):
            raise ObjectFault(f"It has a line longer than {MAX_LINE:,} characters: not a table.")
        if complete:
            yield complete
    try:
        rest += decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _not_utf8(offset - len(decoder.getstate()[0]) + error.start, error) from None
    if rest:
        yield [line for line in _unified(rest).split("\n") if line]


def _unified(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _not_utf8(offset: int, error: UnicodeDecodeError) -> ObjectFault:
    byte = error.object[error.start]
    return ObjectFault(f"It is not UTF-8: byte 0x{byte:02x} at byte offset {offset:,}.")


def read(blocks: Iterable[list[str]]) -> Iterator[list[str] | Block]:
    """Yield the header's names first, then a `Block` for each list of lines."""
    reader, carried, header = _Records(), list[str](), None
    for block in blocks:
        block = carried + block
        if header is None:
            found = _header(block)
            if found is None:
                carried = block
                continue
            header, used = found
            reader = _Records(width=len(header), line=used + 1)
            yield header
            block = block[used:]
        result, carried = reader.take(block, last=False)
        yield result
    if header is not None and carried:
        yield reader.take(carried, last=True)[0]
    elif header is None:
        raise ObjectFault("It is empty: there is no header and no row.")


def _header(block: list[str]) -> tuple[list[str], int] | None:
    """Return the names and the number of lines they took, or None when the block has no header."""
    start = next((n for n, line in enumerate(block) if line.strip()), None)
    if start is None:
        return None
    reader = csv.reader(line + "\n" for line in block[start : start + MAX_RECORD_LINES])
    names = [name.strip() for name in next(reader)]
    if "\0" in "".join(names):
        raise ObjectFault("Its first line holds NUL bytes: it is binary or UTF-16, not UTF-8 text.")
    if len(names) > MAX_COLUMNS:
        raise ObjectFault(f"It has {len(names):,} columns; at most {MAX_COLUMNS:,} are read.")
    return names, start + reader.line_num


class _Records:
    """Numbers records across blocks; holds no data between them."""

    def __init__(self, *, width: int = 0, line: int = 1) -> None:
        self.width, self.line, self.row = width, line, 1

    def take(self, block: list[str], *, last: bool) -> tuple[Block, list[str]]:
        """Return the block's records and the lines of a record still open at its end."""
        # Most files hold no quote at all, and then a line is a record: no parser is needed.
        if any('"' in line for line in block):
            frame, used = self._quoted(block, last=last)
        else:
            frame, used = self._plain(block), len(block)
        rows = pl.int_range(self.row, self.row + frame.height, dtype=pl.UInt64, eager=True)
        frame = frame.with_columns(row=rows)
        self.row += frame.height
        self.line += used
        nul = pl.col("raw").str.contains("\0", literal=True)
        reason = pl.coalesce("reason", pl.when(nul).then(pl.lit("holds a NUL byte")))
        frame = frame.with_columns(reason=reason)
        bad = frame.filter(pl.col("reason").is_not_null()).select(list(BAD))
        good = frame.filter(pl.col("reason").is_null()).drop("reason")
        return Block(good=good, bad=bad), block[used:]

    def _plain(self, block: list[str]) -> pl.DataFrame:
        numbers = pl.int_range(self.line, self.line + len(block), dtype=pl.UInt64, eager=True)
        found = pl.col("raw").str.count_matches(",", literal=True) + 1
        return (
            pl.DataFrame({"line": numbers, "raw": pl.Series(block, dtype=pl.String)})
            .filter(pl.col("raw") != "")
            .with_columns(
                reason=pl.when(found != self.width).then(self._ragged(found)),
                fields=pl.col("raw")
                .str.split_exact(",", self.width - 1)
                .struct.rename_fields(self._names()),
            )
            .unnest("fields")
        )

    def _quoted(self, block: list[str], *, last: bool) -> tuple[pl.DataFrame, int]:
        kept: list[tuple[int, str, str | None, list[str]]] = []
        none: list[str] = [""] * self.width
        at = 0  # where the record being read starts

        def source(start: int) -> Iterator[str]:
            for number in range(start, len(block)):
                if number - at >= MAX_RECORD_LINES:
                    return
                yield block[number] + "\n"

        while at < len(block):
            start, reader = at, csv.reader(source(at), strict=True)
            try:
                for fields in reader:
                    stop = start + reader.line_num
                    ragged = len(fields) != self.width
                    if ragged and stop - at > 1:
                        break  # several lines that make no record: only the first is at fault
                    if fields:
                        reason = _ragged_text(len(fields), self.width) if ragged else None
                        raw = "\n".join(block[at:stop])
                        kept.append((at, raw, reason, none if ragged else fields))
                    at = stop
                else:
                    continue
            except csv.Error:
                at_end = start + reader.line_num >= len(block)
                if at_end and not last and len(block) - at < MAX_RECORD_LINES:
                    break  # the rest of this record comes with the next block
            kept.append((at, block[at], BROKEN, none))
            at += 1
        frame = pl.DataFrame(
            {
                "line": pl.Series([self.line + k[0] for k in kept], dtype=pl.UInt64),
                "raw": pl.Series([k[1] for k in kept], dtype=pl.String),
                "reason": pl.Series([k[2] for k in kept], dtype=pl.String),
            }
        )
        columns = zip(*(k[3] for k in kept), strict=True) if kept else ([] for _ in none)
        return frame.with_columns(
            pl.Series(name, list(values), dtype=pl.String)
            for name, values in zip(self._names(), columns, strict=True)
        ), at

    def _names(self) -> list[str]:
        return [f"field_{n}" for n in range(self.width)]

    def _ragged(self, found: pl.Expr) -> pl.Expr:
        return pl.format(_ragged_text("{}", self.width), found)


def _ragged_text(found: int | str, width: int) -> str:
    return f"{found} fields where the header has {width}"
