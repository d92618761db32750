"""Lines into records, by the definition: each with its place, its text, its fields or its fault.

Nothing here knows types. What cannot be a record (wrong number of fields, broken quoting, a NUL)
comes out beside the good ones with a reason, so the two always add up to what was read. This is
what any line means; `csv_table` reads regular ones faster and hands over whatever is not.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

import polars as pl

from preprocess.faults import ObjectFault

MAX_LINE = 1 << 20  # bytes; a longer "line" means this is not a table
MAX_COLUMNS = 2_000
# A quote that is never closed would swallow the rest of the file. A record of more lines than
# this is taken for one broken line, and reading goes on with the line after it.
MAX_RECORD_LINES = 50
BAD = {"row": pl.UInt64, "line": pl.UInt64, "reason": pl.String, "raw": pl.String}
BROKEN = "broken quoting"

csv.field_size_limit(MAX_LINE)


def header(lines: list[str]) -> tuple[list[str], int] | None:
    """Return the names and the number of lines they took, or None where there is only blank."""
    start = next((n for n, line in enumerate(lines) if line.strip()), None)
    if start is None:
        return None
    reader = csv.reader(line + "\n" for line in lines[start : start + MAX_RECORD_LINES])
    try:
        names = [name.strip() for name in next(reader)]
    except csv.Error as error:
        raise ObjectFault(f"Its first line cannot be read: {error}.") from None
    if "\0" in "".join(names):
        raise ObjectFault("Its first line holds NUL bytes: it is binary or UTF-16, not UTF-8 text.")
    if len(names) > MAX_COLUMNS:
        raise ObjectFault(f"It has {len(names):,} columns; at most {MAX_COLUMNS:,} are read.")
    return names, start + reader.line_num


def parse(block: list[str], width: int, *, last: bool) -> tuple[pl.DataFrame, int]:
    """Return the records of some lines and how many lines they took.

    Columns: line (from 0), raw, reason (null for a good record), field_0 and so on. The lines
    left over are those of a record that goes on in the next block.
    """
    # Most files hold no quote at all, and then a line is a record: no parser is needed.
    if any('"' in line for line in block):
        frame, used = _quoted(block, width, last=last)
    else:
        frame, used = _plain(block, width), len(block)
    nul = pl.col("raw").str.contains("\0", literal=True)
    reason = pl.coalesce("reason", pl.when(nul).then(pl.lit("holds a NUL byte")))
    return frame.with_columns(reason=reason), used


def _plain(block: list[str], width: int) -> pl.DataFrame:
    numbers = pl.int_range(len(block), dtype=pl.UInt64, eager=True)
    found = pl.col("raw").str.count_matches(",", literal=True) + 1
    return (
        pl.DataFrame({"line": numbers, "raw": pl.Series(block, dtype=pl.String)})
        .filter(pl.col("raw") != "")
        .with_columns(
            reason=pl.when(found != width).then(pl.format(_ragged("{}", width), found)),
            fields=pl.col("raw").str.split_exact(",", width - 1).struct.rename_fields(names(width)),
        )
        .unnest("fields")
    )


def _quoted(block: list[str], width: int, *, last: bool) -> tuple[pl.DataFrame, int]:
    kept: list[tuple[int, str, str | None, list[str]]] = []
    none: list[str] = [""] * width
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
                ragged = len(fields) != width
                if ragged and stop - at > 1:
                    break  # several lines that make no record: only the first is at fault
                if fields:
                    reason = _ragged(len(fields), width) if ragged else None
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
            "line": pl.Series([k[0] for k in kept], dtype=pl.UInt64),
            "raw": pl.Series([k[1] for k in kept], dtype=pl.String),
            "reason": pl.Series([k[2] for k in kept], dtype=pl.String),
        }
    )
    columns = zip(*(k[3] for k in kept), strict=True) if kept else ([] for _ in none)
    return frame.with_columns(
        pl.Series(name, list(values), dtype=pl.String)
        for name, values in zip(names(width), columns, strict=True)
    ), at


def names(width: int) -> list[str]:
    """Return the names of a record's fields."""
    return [f"field_{n}" for n in range(width)]


def _ragged(found: int | str, width: int) -> str:
    return f"{found} fields where the header has {width}"
