"""Columns of few different words: each word becomes a number as it is read, and is judged once."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import polars as pl

from preprocess.recipe import FALSE, SPACES, TRUE

SOME = 1_000  # words that no limit on categories is too small for
_TRUTH: dict[str, int] = {
    **{form: 1 for word in TRUE for form in (word, word.title(), word.upper())},
    **{form: 0 for word in FALSE for form in (word, word.title(), word.upper())},
}


@dataclass(frozen=True, slots=True)
class _Known:
    """What the codes below `upto` stand for: a truth, or whether the word is written plainly."""

    upto: int
    values: pl.Series
    odd: bool


class Words:
    """The words of one column of one table; safe to use from several threads.

    All readers of the column code by `type`, a pool of its own that is gone with the table. A
    column of more words than could be categories is read as text from then on: `as_text`.
    """

    def __init__(self, kind: str, most: int) -> None:
        self.type = pl.Categorical(pl.Categories.random())
        # A pool lives as long as a column of it does; another begins again with other codes.
        self._kept = pl.Series(dtype=self.type)
        self.kind, self.most = kind, 4 * most + SOME
        self.as_text = False
        self._lock = threading.Lock()
        self._judged: dict[int, int | bool | None] = {}
        self._known = _Known(0, pl.Series(dtype=pl.Int8), odd=False)

    def plain(self, column: pl.Series) -> pl.Series:
        """Return a column's values; null for what is missing or not written plainly.

        Categories stay as they are coded, a truth becomes 1 or 0.
        """
        codes = column.to_physical()
        top, known = codes.max(), self._known
        if isinstance(top, int) and top >= known.upto:
            known = self._learnt(column, top)
        if self.kind == "boolean":
            return known.values.gather(codes)
        if not known.odd:
            return column
        usable = known.values.gather(codes) == 1
        return pl.select(pl.when(usable).then(column)).to_series()

    def _learnt(self, column: pl.Series, top: int) -> _Known:
        found = column.unique().drop_nulls()
        with self._lock:
            for code, word in zip(found.to_physical(), found.cast(pl.String), strict=True):
                self._judged[code] = self._judge(word)
            if len(self._judged) > self.most:
                self.as_text = True
            values = pl.Series([self._judged.get(n) for n in range(top + 1)], dtype=pl.Int8)
            known = _Known(top + 1, values, odd=values.null_count() > 0)
            # Another thread may be about to learn words that this column has none of.
            upto = next((n for n in range(top + 1) if n not in self._judged), top + 1)
            self._known = _Known(upto, values.head(upto), odd=values.head(upto).null_count() > 0)
        return known

    def _judge(self, word: str) -> int | None:
        if self.kind == "boolean":
            return _TRUTH.get(word)
        return 1 if word.strip(SPACES) == word != "" else None
