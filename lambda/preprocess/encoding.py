"""Good rows into the numbers that are published, by what train taught."""

from __future__ import annotations

import threading

import polars as pl

from preprocess.recipe import Fitted


class Encoder:
    """Encodes rows of one dataset version; safe to use from several threads."""

    def __init__(self, fitted: Fitted) -> None:
        self.fitted = fitted
        self.tables = dict(fitted.categories)
        if fitted.classes is not None:
            self.tables[fitted.dataset.target] = fitted.classes
        self._lock = threading.Lock()
        self._places: dict[tuple[str, pl.DataType], pl.Series] = {}

    def encode(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the columns of the published rows: target first, then the features."""
        fitted = self.fitted
        coded = [self._coded(rows[name], table) for name, table in self.tables.items()]
        columns = [pl.col(fitted.dataset.target).alias("target")]
        for n, (name, kind) in enumerate(fitted.features.items()):
            value = pl.col(name)
            if name in fitted.fills:
                value = value.fill_null(_filled(fitted.fills[name], kind))
            columns.append(value.alias(f"feature_{n}"))
        return rows.with_columns(coded).select(columns)

    def _coded(self, values: pl.Series, table: list[str]) -> pl.Series:
        # What train never saw becomes missing, here as at inference.
        if not table:
            return pl.repeat(None, len(values), dtype=pl.Int32, eager=True).alias(values.name)
        if isinstance(values.dtype, pl.Categorical):
            return self._place(values, table).gather(values.to_physical(), null_on_oob=True)
        text = values.cast(pl.String)
        return text.cast(pl.Enum(table), strict=False).to_physical().cast(pl.Int32)

    def _place(self, values: pl.Series, table: list[str]) -> pl.Series:
        """Return the place in the table of every code of a pool, null for other words'."""
        key = (values.name, values.dtype)
        with self._lock:
            if key not in self._places:
                codes = pl.Series("code", table).cast(values.dtype).to_physical()
                places = pl.DataFrame([codes]).with_row_index("place")
                every = pl.select(code=pl.int_range(pl.lit(codes).max() + 1, dtype=pl.UInt32))
                found = every.join(places, on="code", how="left", maintain_order="left")
                self._places[key] = found["place"].cast(pl.Int32).alias(values.name)
            return self._places[key]


def _filled(fill: float, kind: str) -> pl.Expr:
    if kind == "number" or not fill.is_integer():
        return pl.lit(fill, dtype=pl.Float64)
    types = {"category": pl.Int32, "boolean": pl.Int8, "integer": pl.Int64}
    return pl.lit(int(fill), dtype=types[kind])
