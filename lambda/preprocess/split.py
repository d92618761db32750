"""Which split a row belongs to: a pure function of its number (or time), the seed and the counts.

The same rows give the same split on any machine and any version of any library, because nothing
here draws random numbers: rows are ranked by a mix of their number and the seed.
"""

from __future__ import annotations

import polars as pl

from preprocess.dataset import SPLITS, Split
from preprocess.faults import ObjectFault

# No header name starts with a space (they are stripped), so these never meet a column of the data.
ROW, KEY, PART = " row", " key", " part"


def key(split: Split) -> pl.Expr:
    """Return the expression whose order decides: the time, or splitmix64 of row number and seed."""
    if split.by:
        return pl.col(split.by).alias(KEY)
    mixed = pl.col(ROW) * _u64(0x9E3779B97F4A7C15) + _u64(split.seed)
    mixed = (mixed ^ _shifted(mixed, 30)) * _u64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ _shifted(mixed, 27)) * _u64(0x94D049BB133111EB)
    return (mixed ^ _shifted(mixed, 31)).alias(KEY)


def assign(split: Split, keys: pl.Series) -> pl.Expr:
    """Return the expression that names each row's split; sizes are exact but for equal times.

    Raises `ObjectFault` when a split would get no row.
    """
    ordered, count = keys.sort(), len(keys)
    test = max(1, round(count * split.fractions[2]))
    validation = max(1, round(count * split.fractions[1]))
    train = count - validation - test
    if train < 1:
        raise ObjectFault(f"{count} good rows cannot be divided into {', '.join(SPLITS)}.")
    first, second = ordered[train], ordered[train + validation]
    # Rows of the same moment stay together, so a coarse clock can leave a split without rows.
    if first == ordered[0] or first == second:
        raise ObjectFault(
            f"Splitting by {split.by!r} leaves a split empty: too many rows share one time."
        )
    place = pl.col(KEY)
    return (
        pl.when(place < first)
        .then(pl.lit(SPLITS[0]))
        .when(place < second)
        .then(pl.lit(SPLITS[1]))
        .otherwise(pl.lit(SPLITS[2]))
        .alias(PART)
    )


def _u64(value: int) -> pl.Expr:
    return pl.lit(value, dtype=pl.UInt64)


def _shifted(value: pl.Expr, bits: int) -> pl.Expr:
    # Division by a power of two is the right shift that polars does not offer.
    return value // _u64(1 << bits)
