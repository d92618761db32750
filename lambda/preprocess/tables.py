"""What is counted of one column while blocks go by: sums of numbers, tables of values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from preprocess.recipe import ordered, rounded

Counted = tuple[list[str | None], list[int]]  # values, null among them, and how often each came
COUNT = " count"  # a column's name, which no column of the data has
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Sums:
    """Count, mean, squared deviations and range of the numbers seen."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    least: float | int | None = None
    most: float | int | None = None

    @staticmethod
    def asked(name: str) -> list[pl.Expr]:
        """Return what to ask a block for, to be taken under the column's name."""
        values = pl.col(name)
        return [
            values.count().alias(f"{name} n"),
            values.mean().alias(f"{name} mean"),
            values.var(ddof=0).alias(f"{name} var"),
            values.min().alias(f"{name} min"),
            values.max().alias(f"{name} max"),
        ]

    def take(self, found: dict[str, Any], name: str) -> None:
        """Add a block's answers."""
        count = found[f"{name} n"]
        if not count:
            return
        total = self.count + count
        mean, apart = found[f"{name} mean"], found[f"{name} mean"] - self.mean
        self.squares += found[f"{name} var"] * count + apart * apart * self.count * count / total
        self.mean = mean if not self.count else self.mean + apart * count / total
        least, most = found[f"{name} min"], found[f"{name} max"]
        self.least = least if self.least is None else min(self.least, least)
        self.most = most if self.most is None else max(self.most, most)
        self.count = total

    def told(self) -> dict[str, Any]:
        """Return the numbers of the statistics file."""
        if not self.count or self.least is None or self.most is None:
            return {}
        deviation = math.sqrt(self.squares / self.count) if self.squares >= 0 else math.nan
        return {
            "min": rounded(self.least),
            "max": rounded(self.most),
            "mean": rounded(self.mean),
            "std": rounded(deviation),
        }

    def times(self) -> dict[str, Any]:
        """Return the range of microseconds since 1970 as times."""
        if self.least is None or self.most is None:
            return {}
        ends = (_EPOCH + timedelta(microseconds=int(end)) for end in (self.least, self.most))
        return dict(zip(("min", "max"), map(str, ends), strict=True))


@dataclass(slots=True)
class Table:
    """How often each value came, in all and by split; `too_many` once it is no table any more."""

    name: str
    limit: int
    missing: int = 0
    counts: dict[str, list[int]] = field(default_factory=dict)
    too_many: bool = False

    def counted(self, rows: pl.DataFrame) -> Counted:
        """Return how often each value, null among them, comes in some rows; changes nothing."""
        values = rows[self.name]
        if self.too_many:
            values = values.filter(values.is_null())
        found = values.value_counts(name=COUNT)
        return found[self.name].cast(pl.String).to_list(), found[COUNT].to_list()

    def take(self, part: int, counted: Counted) -> None:
        """Add what was counted in rows of a split."""
        for text, count in zip(*counted, strict=True):
            if text is None:
                self.missing += count
            elif not self.too_many:
                self.counts.setdefault(text, [0, 0, 0])[part] += count
        # Those of the other splits do not count against the limit, but must not fill the memory.
        seen = sum(1 for count in self.counts.values() if count[0])
        if seen > self.limit or len(self.counts) > 4 * self.limit + 1_000:
            self.too_many, self.counts = True, {}

    def train(self) -> list[str]:
        """Return the values of train in the order of their codes."""
        return sorted(value for value, count in self.counts.items() if count[0])

    def faults(self) -> list[str]:
        """Return what is wrong with it as a feature."""
        if not self.too_many:
            return []
        return [
            f"Column {self.name!r} has more than {self.limit:,} categories, the most that are"
            " allowed: declare it text and drop it."
        ]

    def classes(self, problem: str) -> tuple[list[str], list[str]]:
        """Return the class names in the order of their codes, and what is wrong with them."""
        classes = ordered(list(self.counts))
        shown = ", ".join(repr(c[:40]) for c in classes[:5]) + (", ..." if classes[5:] else "")
        faults = []
        if self.too_many or len(classes) > self.limit:
            faults.append(
                f"Target {self.name!r} has more than {self.limit:,} classes: it looks like an"
                " identifier."
            )
        elif len(classes) < 2:
            faults.append(
                f"Target {self.name!r} has one class ({shown}): there is nothing to learn."
            )
        elif problem == "binary" and len(classes) > 2:
            faults.append(
                f"Target {self.name!r} has {len(classes):,} classes ({shown}); binary needs two."
            )
        elif len(self.train()) < 2:
            faults.append(
                f"Target {self.name!r} has one class in the train split ({shown} in all)."
            )
        return classes, faults

    def told(self, most: int) -> dict[str, Any]:
        """Return the distinct values and the most frequent; neither once there are too many."""
        if self.too_many:
            return {"distinct": None, "top": []}
        totals = [(value, sum(count)) for value, count in self.counts.items()]
        totals.sort(key=lambda found: (-found[1], found[0]))
        top = [{"value": value, "count": count} for value, count in totals[:most]]
        return {"distinct": len(totals), "top": top}

    def by_part(self, number: int) -> dict[str, int]:
        """Return the counts of one split."""
        found = ((value, count[number]) for value, count in sorted(self.counts.items()))
        return {value: count for value, count in found if count}
