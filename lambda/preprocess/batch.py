"""What a reader hands to validation: some records, each column text or already of its type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    texts: Callable[[Sequence[int]], list[str]] | None = None
    # Whether text may hold U+001C to U+001F, which are spaces too: asked where it is all read.
    separators: Callable[[], bool] = lambda: True


BLOCK = 8_192  # bytes whose lines are counted at once

Job = Callable[[], Batch]


def counted(text: bytes, mark: str) -> int:
    """Return how often one ASCII character is in some text.

    As ends of lines polars counts them several times as fast as `bytes.count`, and other threads
    can run meanwhile.
    """
    ends = pl.scan_csv(
        text,
        has_header=False,
        schema={"line": pl.String},
        separator="\1",
        quote_char=None,
        eol_char=mark,
    )
    found: int = ends.select(pl.len()).collect().item()
    return found if text.endswith(mark.encode()) else found - 1


def has_separators(piece: bytes) -> bool:
    """Whether some bytes hold one of those."""
    return any(mark in piece for mark in (b"\x1c", b"\x1d", b"\x1e", b"\x1f"))


def texts(piece: bytes, indexes: Sequence[int]) -> list[str]:
    """Return some lines of a piece, by their numbers in rising order.

    Counting the others is five times as fast as splitting them.
    """
    found, first, at = [], 0, 0  # `at` is where line number `first` begins
    for index in indexes:
        while first < index and (lines := piece.count(b"\n", at, at + BLOCK)) <= index - first:
            # A line may be longer than a block.
            end = piece.rindex(b"\n", at, at + BLOCK) if lines else piece.index(b"\n", at)
            first, at = first + max(lines, 1), end + 1
        start = at
        for _ in range(index - first):
            start = piece.index(b"\n", start) + 1
        found.append(piece[start : piece.index(b"\n", start)].decode())
    return found
