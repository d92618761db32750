"""A raw table as people upload them: numbers with gaps, words, a note, some rows that are bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROWS = 200_000  # made at once
NUMBERS = [f"n{i}" for i in range(8)]
INTEGERS = [f"i{i}" for i in range(4)]
CATEGORIES = {"c0": 5, "c1": 40, "c2": 400}
COLUMNS = {
    **dict.fromkeys(NUMBERS, "number"),
    **dict.fromkeys(INTEGERS, "integer"),
    **dict.fromkeys(CATEGORIES, "category"),
    "flag": "boolean",
    "note": "text",
    "label": "category",
}
SPLIT = {"kind": "random", "train": 0.7, "validation": 0.15, "test": 0.15, "seed": 7}
BLOCK: dict[str, Any] = {
    "name": "bench",
    "problem": "binary",
    "target": "label",
    "drop": ["note"],
    "columns": COLUMNS,
    "impute": dict.fromkeys(NUMBERS, "mean"),
    "formats": ["parquet"],
    "split": SPLIT,
}


def write(path: Path, megabytes: int) -> None:
    """The table is there: every 5,000th row bad, 5 % missing in every second number."""
    import numpy as np
    import polars as pl

    random = np.random.default_rng(7)
    with path.open("wb") as file:
        while file.tell() < megabytes * 1_000_000:
            columns: dict[str, Any] = {}
            for n, name in enumerate(NUMBERS):
                values = pl.Series(random.normal(50, 20, ROWS).round(4 + n % 3))
                gaps = pl.Series(random.random(ROWS) < (0.05 if n % 2 else 0))
                columns[name] = pl.select(pl.when(~gaps).then(values)).to_series()
            for n, name in enumerate(INTEGERS):
                columns[name] = pl.Series(random.integers(0, 10 ** (n + 2), ROWS))
            for name, count in CATEGORIES.items():
                codes = pl.Series(random.integers(0, count, ROWS)).cast(pl.String)
                columns[name] = "cat_" + codes
            columns["flag"] = pl.Series(random.random(ROWS) < 0.3)
            note = pl.Series(random.integers(0, 10**6, ROWS)).cast(pl.String)
            columns["note"] = "note number " + note
            columns["label"] = pl.Series(np.where(random.random(ROWS) < 0.4, "yes", "no"))
            bad = pl.Series(random.random(ROWS) < 0.0002)
            spoilt = pl.when(bad).then(pl.lit("oops")).otherwise(pl.col("n0").cast(pl.String))
            frame = pl.DataFrame(columns).with_columns(n0=spoilt)
            frame.write_csv(file, include_header=file.tell() == 0)
