"""What the published rows look like, in numbers a person or a monitor can compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from preprocess.dataset import SPLITS, Dataset
from preprocess.split import PART

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TOP = 20


def describe(dataset: Dataset, kinds: Mapping[str, str], rows: pl.LazyFrame) -> dict[str, Any]:
    """Return the statistics of each parsed column over the good rows, and the target's per split.

    One column at a time, so that a wide or long table never has to fit in memory at once.
    """
    columns = {name: _column(rows.select(name), kind) for name, kind in kinds.items()}
    return {"columns": columns, "target": {"name": dataset.target, **_target(dataset, rows)}}


def _column(rows: pl.LazyFrame, kind: str) -> dict[str, Any]:
    series = rows.collect(engine="streaming").to_series()
    present = series.drop_nulls()
    found: dict[str, Any] = {
        "type": kind,
        "count": len(series),
        "missing": series.null_count(),
        "distinct": present.n_unique(),
    }
    if kind in ("category", "boolean"):
        return {**found, "top": _top(present)}
    if kind == "timestamp":
        times = present.cast(pl.Datetime("us", "UTC"))
        first, last = (times.min(), times.max()) if len(times) else (None, None)
        return {**found, "min": str(first), "max": str(last)} if len(times) else found
    return {**found, **_numbers(present)}


def _numbers(present: pl.Series) -> dict[str, Any]:
    if present.is_empty():
        return {}
    values = present.cast(pl.Float64).sort()
    return {
        "min": _rounded(values[0]),
        "max": _rounded(values[-1]),
        "mean": _rounded(values.mean()),
        "std": _rounded(values.std(ddof=0)),
        "quantiles": {str(q): _rounded(values.quantile(q, "nearest")) for q in QUANTILES},
    }


def _rounded(value: Any) -> float | None:
    # Nine digits: sums may differ in the last bits with the number of cores, a file must not.
    # A mean beyond the range of a float is no JSON number.
    number = float(f"{value:.9g}")
    return number if abs(number) != float("inf") and number == number else None


def _top(present: pl.Series) -> list[dict[str, Any]]:
    counted = pl.DataFrame({"value": present}).group_by("value").len()
    counted = counted.sort(["len", "value"], descending=[True, False]).head(TOP)
    return [{"value": str(value), "count": count} for value, count in counted.iter_rows()]


def _target(dataset: Dataset, rows: pl.LazyFrame) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in SPLITS:
        chosen = rows.filter(pl.col(PART) == part).select(dataset.target)
        series = chosen.collect(engine="streaming").to_series()
        if dataset.problem == "regression":
            found[part] = {"count": len(series), **_numbers(series)}
        else:
            counted = pl.DataFrame({"value": series}).group_by("value").len().sort("value")
            found[part] = {str(value): count for value, count in counted.iter_rows()}
    return {"by_split": found}
