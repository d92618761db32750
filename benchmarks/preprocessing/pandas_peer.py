"""The same work in pandas, all at once: `python pandas_peer.py table.csv folder`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from table import CATEGORIES, COLUMNS, INTEGERS, NUMBERS, SPLIT

table, out = Path(sys.argv[1]), Path(sys.argv[2])
used = [name for name in COLUMNS if name != "note"]
# Columns that hold a bad value come as text of their own accord; naming the types would fail.
frame = pd.read_csv(table, usecols=used, low_memory=False)
reasons = pd.Series("", index=frame.index)
for name in [*NUMBERS, *INTEGERS]:
    numbers = pd.to_numeric(frame[name], errors="coerce")
    wrong = (numbers.isna() & frame[name].notna()) | (numbers.abs() > 3.4e38)
    reasons[wrong] += name + ": not a number; "
    frame[name] = numbers
for name in [*CATEGORIES, "label"]:
    frame[name] = frame[name].str.strip()
frame["flag"] = frame["flag"].map({True: 1, False: 0, "true": 1, "false": 0})
reasons[frame["flag"].isna()] += "flag: not true or false; "
reasons[frame["label"].isna()] += "label: missing; "
bad = reasons != ""
reasons[bad].rename_axis("row").rename("reason").to_csv(out / "quarantine.csv")
frame = frame[~bad]
draw = np.random.default_rng(SPLIT["seed"]).random(len(frame))
part = np.where(draw < 0.7, 0, np.where(draw < 0.85, 1, 2))
train = frame[part == 0]
means = train[NUMBERS].mean()
tables = {name: sorted(train[name].dropna().unique()) for name in CATEGORIES}
sample = frame.sample(65_536, random_state=1)
numeric = NUMBERS + INTEGERS
statistics = {
    "numbers": frame[numeric].agg(["count", "mean", "std", "min", "max"]).to_dict(),
    "quantiles": sample[numeric].quantile([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]).to_dict(),
    "distinct": sample[numeric].nunique().to_dict(),
    "top": {n: frame[n].value_counts().head(20).to_dict() for n in [*CATEGORIES, "flag", "label"]},
    "label": pd.crosstab(part, frame["label"]).to_dict(),
}
(out / "statistics.json").write_text(json.dumps(statistics, default=str))
frame = frame.fillna({name: means[name] for name in NUMBERS})
for name, values in tables.items():
    frame[name] = pd.Categorical(frame[name], categories=values).codes
frame["label"] = (frame["label"] == "yes").astype("int32")
for number, name in enumerate(("train", "validation", "test")):
    frame[part == number].to_parquet(out / f"{name}.parquet", compression="snappy", index=False)
print(len(frame))
