"""The same work in polars, eager and all at once: `python polars_peer.py table.csv folder`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
from table import CATEGORIES, COLUMNS, INTEGERS, NUMBERS

table, out = Path(sys.argv[1]), Path(sys.argv[2])
used = [name for name in COLUMNS if name != "note"]
# As text first: read as numbers, a bad value and a missing one would both be null.
frame = pl.read_csv(table, columns=used, infer_schema=False)
frame = frame.with_row_index("row", offset=1)
frame = frame.with_columns(pl.col([*CATEGORIES, "label"]).str.strip_chars())
types = {**dict.fromkeys(NUMBERS, pl.Float64), **dict.fromkeys(INTEGERS, pl.Int64)}
typed = frame.with_columns(
    *(pl.col(n).str.strip_chars().cast(t, strict=False) for n, t in types.items()),
    pl.col("flag").replace_strict(["true", "false"], [1, 0], default=None, return_dtype=pl.Int8),
)
faults = {name: typed[name].is_null() & frame[name].is_not_null() for name in [*types, "flag"]}
for name in NUMBERS:
    faults[name] |= (typed[name].abs() > 3.4e38).fill_null(False)
faults["label"] = frame["label"].is_null()
reasons = pl.DataFrame(faults).select(
    pl.concat_str(
        [pl.when(n).then(pl.lit(f"{n}: not as declared")) for n in faults],
        separator="; ",
        ignore_nulls=True,
    ).alias("reason")
)
bad = reasons["reason"] != ""
typed.select("row").with_columns(reasons).filter(bad).write_csv(out / "quarantine.csv")
frame = typed.filter(~bad)
draw = pl.col("row").hash(7) / 2.0**64
frame = frame.with_columns(part=pl.when(draw < 0.7).then(0).when(draw < 0.85).then(1).otherwise(2))
train = frame.filter(pl.col("part") == 0)
means = train.select(pl.col(NUMBERS).mean()).row(0, named=True)
tables = {name: train[name].drop_nulls().unique().sort().to_list() for name in CATEGORIES}
sample = frame.sample(65_536, seed=1).select(list(types))
statistics = {
    "numbers": [
        frame.select(getattr(pl.col(list(types)), what)()).row(0, named=True)
        for what in ("count", "mean", "std", "min", "max")
    ],
    "quantiles": [
        sample.quantile(q).row(0, named=True) for q in (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
    ],
    "distinct": sample.select(pl.all().n_unique()).row(0, named=True),
    "top": {
        n: frame[n].value_counts(sort=True).head(20).rows() for n in [*CATEGORIES, "flag", "label"]
    },
    "label": frame.group_by("part", "label").len().rows(),
}
(out / "statistics.json").write_text(json.dumps(statistics, default=str))
frame = frame.with_columns(
    *(pl.col(name).fill_null(means[name]) for name in NUMBERS),
    *(
        pl.col(name).cast(pl.Enum(values), strict=False).to_physical().cast(pl.Int32)
        for name, values in tables.items()
    ),
    pl.col("label").cast(pl.Enum(["no", "yes"]), strict=False).to_physical(),
)
for number, name in enumerate(("train", "validation", "test")):
    chosen = frame.filter(pl.col("part") == number).drop("row", "part")
    chosen.write_parquet(out / f"{name}.parquet", compression="snappy", statistics=False)
print(frame.height)
