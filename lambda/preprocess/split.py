"""Which split a row belongs to, as polars expressions of `recipe`'s definitions."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from preprocess import recipe
from preprocess.batch import INDEX
from preprocess.dataset import SPLITS, Split
from preprocess.faults import ObjectFault

KEY, PART, SAMPLE = " key", " part", " sample"


def keyed(good: pl.DataFrame, first: int, seed: int) -> pl.DataFrame:
    """Return rows with KEY, `recipe.mixed` of their numbers; INDEX 0 is row number `first`."""
    key = pl.col(KEY)
    found = good.select(((pl.col(INDEX) + first) * _u64(recipe.GOLDEN) + seed).alias(KEY)).lazy()
    # Step by step: one expression would do every step twice, because it uses each one twice.
    for bits, factor in ((30, recipe.FIRST), (27, recipe.SECOND), (31, 1)):
        found = found.with_columns((key ^ (key // _u64(1 << bits))) * _u64(factor))
    return good.drop(INDEX).with_columns(found.collect().to_series())


def sampled(rows: pl.DataFrame) -> pl.Series:
    """Return `recipe.sample_key` of each row, as SAMPLE."""
    return (rows[KEY] * recipe.SAMPLE).alias(SAMPLE)


def random(split: Split) -> pl.Expr:
    """Return the number of each row's split, by its KEY alone."""
    # Division by a power of two is the right shift that polars does not offer.
    share = pl.col(KEY) // _u64(1 << (64 - recipe.SHARE_BITS))
    train, validation = recipe.bounds(split.fractions)
    return _part(share < train, share < validation)


def dealt(rows: pl.DataFrame, part: pl.Expr) -> list[pl.DataFrame]:
    """Return the rows of each split in their order, without KEY."""
    # As a column of the rows it would have all of them copied, to be in one piece like it is.
    parts, columns = rows.select(part).to_series(), rows.drop(KEY)
    return [columns.filter(parts == number) for number in range(len(SPLITS))]


@dataclass(slots=True)
class Moments:
    """How many rows each moment has, in steps of 2^`bits` microseconds.

    Coarsened only as far as the whole table needs, so neither the order of the rows nor where
    chunks end changes anything.
    """

    split: Split
    bits: int = 0
    counts: dict[int, int] = field(default_factory=dict)

    def add(self, good: pl.DataFrame) -> None:
        """Count the rows of a block."""
        step = pl.col(str(self.split.by)) // (1 << self.bits)
        for moment, count in good.group_by(step.alias("moment")).len().iter_rows():
            self.counts[moment] = self.counts.get(moment, 0) + count
        while len(self.counts) > recipe.MOMENTS:
            coarser: dict[int, int] = {}
            for moment, count in self.counts.items():
                coarser[moment >> 1] = coarser.get(moment >> 1, 0) + count
            self.counts, self.bits = coarser, self.bits + 1

    def part(self) -> pl.Expr:
        """Return the number of each row's split: the latest rows are the test.

        Rows of the same moment stay together. Raises `ObjectFault` when that leaves one empty.
        """
        total = sum(self.counts.values())
        test = max(1, round(total * self.split.fractions[2]))
        validation = max(1, round(total * self.split.fractions[1]))
        first = self._moment_of(total - test - validation)
        second = self._moment_of(total - test)
        earliest = min(self.counts)
        if total - test - validation < 1 or first in (earliest, second):
            raise ObjectFault(
                f"Splitting by {self.split.by!r} leaves a split empty: too many rows share one"
                " time."
            )
        step = pl.col(str(self.split.by)) // (1 << self.bits)
        return _part(step < first, step < second)

    def _moment_of(self, rank: int) -> int:
        seen = 0
        for moment in sorted(self.counts):
            seen += self.counts[moment]
            if seen > rank:
                return moment
        return max(self.counts)


def refuse_empty(sizes: dict[str, int], split: Split) -> None:
    """Raise `ObjectFault` when a split got no row."""
    for part, share in zip(SPLITS, split.fractions, strict=True):
        if not sizes[part]:
            raise ObjectFault(
                f"No row fell into the {part} split: {sum(sizes.values()):,} good rows are too"
                f" few for a share of {share:g}. Add rows, or change the shares or the seed."
            )


def _part(train: pl.Expr, validation: pl.Expr) -> pl.Expr:
    # Every row of train is among those of validation here.
    chosen = pl.lit(2, dtype=pl.UInt8) - train.cast(pl.UInt8) - validation.cast(pl.UInt8)
    return chosen.alias(PART)


def _u64(value: int) -> pl.Expr:
    return pl.lit(value, dtype=pl.UInt64)
