"""The first pass: what the table's columns hold, and what train teaches, block by block.

Everything kept is of bounded size: sums, tables of at most `max_categories` values, and a sample
of rows. Sums of different blocks are merged by Chan's formula, so they lose no digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from preprocess import recipe
from preprocess.dataset import SPLITS, Dataset
from preprocess.faults import ObjectFault
from preprocess.recipe import Encode, Fitted, Impute
from preprocess.split import PART, SAMPLE, dealt, sampled
from preprocess.tables import Counted, Sums, Table

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TOP = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What one block holds, split by split; `sample` are rows that may be of the sample."""

    parts: list[pl.DataFrame]
    sums: list[dict[str, Any]]
    counts: list[dict[str, Counted]]
    sample: pl.DataFrame | None


class Fit:
    """Looks at blocks of good rows and learns of them; `fitted` and `statistics` at the end."""

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

    def look(self, rows: pl.DataFrame, part: pl.Expr) -> Look:
        """Return what a block of good rows with their KEY holds; `part` tells a row's split.

        Nothing is learnt yet: blocks may be looked at in any order, by several threads.
        """
        parts = dealt(rows, part)
        return Look(
            parts=parts,
            sums=[self._asked(rows) for rows in parts],
            counts=[{n: t.counted(rows) for n, t in self.tables.items()} for rows in parts],
            sample=self._candidates(rows, part),
        )

    def take(self, look: Look) -> None:
        """Learn from what a block holds; in their order, blocks give the same bytes each time."""
        if look.sample is not None:
            self._sample(look.sample)
        for number, (found, counts) in enumerate(zip(look.sums, look.counts, strict=True)):
            self.sizes[SPLITS[number]] += look.parts[number].height
            if look.parts[number].height:
                self._take(number, found, counts)

    def _take(self, number: int, found: dict[str, Any], counts: Mapping[str, Counted]) -> None:
        for name, sums in self.sums.items():
            sums.take(found, name)
        if number == 0:
            for name, sums in self.train.items():
                sums.take(found, name)
        if not self.labelled:
            self.parts[SPLITS[number]].take(found, self.dataset.target)
        for name, counted in counts.items():
            self.tables[name].take(number, counted)

    def _asked(self, rows: pl.DataFrame) -> dict[str, Any]:
        return rows.select(self.asked).row(0, named=True) if self.asked else {}

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

    def _candidates(self, rows: pl.DataFrame, part: pl.Expr) -> pl.DataFrame | None:
        """Return the rows that may be of the sample, by what is known of the others so far."""
        taken = (sampled(rows) <= self.below).arg_true()
        if taken.is_empty():
            return None
        few = rows[taken]
        return few.select(part, *(n for n in self.kinds if n in self.sums), sampled(few))

    def _sample(self, rows: pl.DataFrame) -> None:
        """Keep the rows with the smallest keys: the same ones wherever blocks end."""
        kept = rows if self.sample is None else pl.concat([self.sample, rows])
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
