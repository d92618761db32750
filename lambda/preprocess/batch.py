"""What a reader hands to validation: some records, each column text or already of its type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

# No column of the data starts with a space (names are stripped), so these never meet one.
INDEX, LINE, RAW, REASON = " index", " line", " raw", " reason"


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """`frame` has the parsed columns by name, as text or typed; text is not stripped yet.

    `lines` is how many lines the records took. With LINE, RAW and REASON in the frame a record
    may be any number of lines and bad from the start; without, record n is line n, its text is
    what `texts` returns for it, and all are regular.
    """

    frame: pl.DataFrame
    lines: int
    texts: Callable[[list[int]], list[str]] | None = None
    # Whether text may hold U+001C to U+001F, which are spaces too: asked where it is all read.
    separators: Callable[[], bool] = lambda: True


Job = Callable[[], Batch]


def counted(text: bytes, mark: str) -> int:
    """Return how often one ASCII character is in some text.

    As ends of lines polars counts them several times as fast as `bytes.count`, and other threads
    can run meanwhile.
    """
    ends = _lines(text, separator="\1", eol_char=mark)
    found: int = ends.select(pl.len()).collect().item()
    return found if text.endswith(mark.encode()) else found - 1


def has_separators(piece: bytes) -> bool:
    """Whether some bytes hold one of those."""
    return any(mark in piece for mark in (b"\x1c", b"\x1d", b"\x1e", b"\x1f"))


def texts(piece: bytes, indexes: list[int]) -> list[str]:
    """Return some lines of a piece that holds no NUL, by their numbers in rising order.

    polars passes over the others as fast as Python does, and other threads can run meanwhile.
    """
    lines = _lines(piece, separator="\0", row_index_name="index")
    found: list[str] = lines.filter(pl.col("index").is_in(indexes)).collect()["line"].to_list()
    return found


def _lines(
    text: bytes, *, separator: str, eol_char: str = "\n", row_index_name: str | None = None
) -> pl.LazyFrame:
    """Return some text as a column of its lines, up to the separator where one holds it."""
    return pl.scan_csv(
        text,
        has_header=False,
        schema={"line": pl.String},
        separator=separator,
        quote_char=None,
        eol_char=eol_char,
        row_index_name=row_index_name,
    )
