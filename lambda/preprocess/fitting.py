"""The first pass: what the table's columns hold, and what train teaches, block by block.

Everything kept is of bounded size: sums, tables of at most `max_categories` values, and a sample
of rows. Sums of different blocks are merged by Chan's formula, so they lose no digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from preprocess import recipe
from preprocess.dataset import SPLITS, Dataset
from preprocess.faults import ObjectFault
from preprocess.recipe import Encode, Fitted, Impute
from preprocess.split import PART, SAMPLE, dealt, sampled
from preprocess.tables import Sums, Table

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TOP = 20


class Fit:
    """Takes blocks of good rows with their KEY and PART; `fitted` and `statistics` at the end."""

    def __init__(self, dataset: Dataset, kinds: Mapping[str, str]) -> None:
        self.dataset, self.kinds = dataset, kinds
        self.steps = recipe.steps(dataset, tuple(kinds))
        self.numbers = [n for n, k in kinds.items() if k in ("number", "integer", "timestamp")]
        self.sizes = dict.fromkeys(SPLITS, 0)
        self.sums = {name: Sums() for name in self.numbers}
        self.asked = [e for name in self.numbers for e in Sums.asked(name)]
        self.train = {name: Sums() for name in self.numbers if self._rule(name) == "mean"}
        self.labelled = dataset.problem != "regression"
        self.parts = {part: Sums() for part in SPLITS}
        most = dataset.max_categories
        texts = [n for n, k in kinds.items() if k in ("category", "boolean")]
        self.tables = {n: Table(n, most) for n in texts if n != dataset.target or self.labelled}
        if self.labelled and dataset.target not in self.tables:
            self.tables[dataset.target] = Table(dataset.target, most)
        self.sample_rows = recipe.sample_rows(len(kinds))
        self.sample: pl.DataFrame | None = None
        self.below = 2**64 - 1

    def add(self, rows: pl.DataFrame) -> list[pl.DataFrame]:
        """Take one block and return its rows split by split, without KEY and PART."""
        self._sample(rows)
        parts = dealt(rows)
        for number, part in enumerate(parts):
            if part.height:
                self._add(number, part)
        return parts

    def _add(self, number: int, rows: pl.DataFrame) -> None:
        self.sizes[SPLITS[number]] += rows.height
        found = rows.select(self.asked).row(0, named=True) if self.asked else {}
        for name, sums in self.sums.items():
            sums.take(found, name)
        if number == 0:
            for name, sums in self.train.items():
                sums.take(found, name)
        if not self.labelled:
            self.parts[SPLITS[number]].take(found, self.dataset.target)
        for table in self.tables.values():
            table.add(number, rows)

    def too_many(self) -> set[str]:
        """Return the columns with more values than a category may have."""
        return {name for name, table in self.tables.items() if table.too_many}

    def fitted(self) -> Fitted:
        """Return what train taught; raise `ObjectFault` if it cannot be a problem of its kind."""
        features = {n: k for n, k in self.kinds.items() if self.dataset.is_feature(n)}
        faults, categories = [], {}
        rules = {step.column: step for step in self.steps if isinstance(step, Impute)}
        for step in self.steps:
            if isinstance(step, Encode):
                table = self.tables[step.column]
                faults += table.faults()
                values = table.train()
                rule = rules.get(step.column)
                if rule is not None and rule.constant is not None:
                    values = sorted({*values, str(rule.constant)})
                categories[step.column] = values
        classes = None
        if self.labelled:
            classes, wrong = self.tables[self.dataset.target].classes(self.dataset.problem)
            faults += wrong
        if faults:
            raise ObjectFault(*faults)
        fills = {}
        for name, rule in rules.items():
            found = recipe.fill_of(
                rule, features[name], categories.get(name, []), self._learned(name, rule)
            )
            if found is not None:
                fills[name] = found
        return Fitted(
            dataset=self.dataset,
            features=features,
            categories=categories,
            fills=fills,
            classes=classes,
        )

    def statistics(self) -> dict[str, Any]:
        """Return what a person or a monitor compares: each column, and the target by split."""
        kept = self._kept()
        columns = {name: self._column(name, kind, kept) for name, kind in self.kinds.items()}
        target = self.dataset.target
        by_split: dict[str, Any] = {}
        for number, part in enumerate(SPLITS):
            if self.labelled:
                by_split[part] = self.tables[target].by_part(number)
            else:
                chosen = kept.filter(pl.col(PART) == number)[target]
                sums = self.parts[part]
                by_split[part] = {"count": sums.count, **sums.told(), **_quantiles(chosen)}
        return {
            "sample": {"rows": kept.height, "of": sum(self.sizes.values())},
            "columns": columns,
            "target": {"name": target, "by_split": by_split},
        }

    def _column(self, name: str, kind: str, kept: pl.DataFrame) -> dict[str, Any]:
        count = sum(self.sizes.values())
        if name in self.tables and kind in ("category", "boolean"):
            table = self.tables[name]
            return {"type": kind, "count": count, "missing": table.missing, **table.told(TOP)}
        sums, present = self.sums[name], kept[name].drop_nulls()
        found = {
            "type": kind,
            "count": count,
            "missing": count - sums.count,
            "distinct": present.n_unique(),
        }
        if kind == "timestamp":
            return {**found, **sums.times()}
        return {**found, **sums.told(), **_quantiles(present)}

    def _rule(self, name: str) -> str | None:
        rules = (s for s in self.steps if isinstance(s, Impute) and s.column == name)
        return next((rule.strategy for rule in rules), None)

    def _learned(self, name: str, rule: Impute) -> float | None:
        if rule.strategy == "mean":
            return self.train[name].mean if self.train[name].count else None
        if rule.strategy == "median":
            train = self._kept().filter(pl.col(PART) == 0)[name].drop_nulls()
            found = train.cast(pl.Float64).median()
            return float(found) if isinstance(found, int | float) else None
        return None

    def _sample(self, rows: pl.DataFrame) -> None:
        """Keep the rows with the smallest keys: the same ones wherever blocks end."""
        columns = [pl.col(n) for n in self.kinds if n in self.sums]
        keys = rows.select(sampled().alias(SAMPLE)).to_series()
        taken = keys <= self.below
        if not taken.any():
            return
        chosen = rows.select(PART, *columns).with_columns(keys).filter(taken)
        kept = chosen if self.sample is None else pl.concat([self.sample, chosen])
        if kept.height > 2 * self.sample_rows:
            kept = kept.bottom_k(self.sample_rows, by=SAMPLE)
            self.below = int(kept[SAMPLE].max())  # type: ignore[arg-type]
        self.sample = kept

    def _kept(self) -> pl.DataFrame:
        kept = self.sample if self.sample is not None else pl.DataFrame()
        if kept.height > self.sample_rows:
            kept = self.sample = kept.bottom_k(self.sample_rows, by=SAMPLE)
        return kept


def _quantiles(values: pl.Series) -> dict[str, Any]:
    present = values.drop_nulls().cast(pl.Float64).sort()
    if present.is_empty():
        return {}
    found = {str(q): recipe.rounded(float(present.quantile(q, "nearest") or 0)) for q in QUANTILES}
    return {"quantiles": found}
