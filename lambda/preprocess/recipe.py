"""What preprocessing does to a row, as plain steps and exact definitions: no engine, no I/O.

Every engine that prepares a dataset reads `steps()` and keeps to the definitions below, so that
the same declaration over the same rows gives the same values, splits and tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from preprocess.dataset import Dataset
from preprocess.imputation import Constant

TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
# What Python's str.strip() takes off, which serving reads values with.
SPACES = (
    "\x1c\x1d\x1e\x1f\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
# Models compute with 32-bit floats: a larger number would arrive in training as infinity.
LARGEST = 3.4028234663852886e38
WHAT = {
    "number": "not a finite 32-bit number",
    "integer": "not a 64-bit integer",
    "boolean": "not true or false",
    "timestamp": "not an ISO 8601 time",
}
# Quantiles, distinct values and medians are those of the rows with the smallest `sample_key`:
# all rows up to this many, and fewer of a wide table (SAMPLE_CELLS values in all).
SAMPLE_ROWS, SAMPLE_CELLS = 65_536, 4_194_304
SHARE_BITS = 53
MASK = 2**64 - 1
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
SAMPLE = 0xD1342543DE82EF95
# Times are compared in steps of the smallest power of two of microseconds that leaves at most
# this many different ones: exact until a table has more moments than that.
MOMENTS = 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class Parse:
    """Text becomes a value of `kind`; where `needed` says so, a row without one is bad."""

    column: str
    kind: str
    needed: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Deal:
    """Rows go to train, validation or test: by `place()` of their number, or by time."""

    by: str | None
    seed: int
    fractions: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Encode:
    """Text becomes its place in a sorted table of the values of train."""

    column: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Impute:
    """What is missing after encoding becomes the mean or median of train, or a constant."""

    column: str
    strategy: str
    constant: Constant | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """The target becomes its class's place, or stays a number."""

    column: str
    classes: bool


Step = Parse | Deal | Encode | Impute | Label


def steps(dataset: Dataset, columns: tuple[str, ...] | None = None) -> tuple[Step, ...]:
    """Return the steps in their order; features keep the order of `columns` (the table's)."""
    kinds = dataset.parsed(columns or tuple(dataset.columns))
    needed = {dataset.target: "the target is missing"}
    if dataset.split.by:
        needed[dataset.split.by] = "the time to split by is missing"
    split = dataset.split
    features = [name for name in kinds if dataset.is_feature(name)]
    return (
        *(Parse(column=name, kind=kind, needed=needed.get(name)) for name, kind in kinds.items()),
        Deal(by=split.by, seed=split.seed, fractions=split.fractions),
        *(Encode(column=name) for name in features if kinds[name] == "category"),
        *(
            Impute(column=name, strategy=rule.strategy, constant=rule.constant)
            for name in features
            if (rule := dataset.impute.get(name)) is not None
        ),
        Label(column=dataset.target, classes=dataset.problem != "regression"),
    )


def mixed(row: int, seed: int) -> int:
    """Return splitmix64 of a row's number (from 1, in the object's order) and a seed."""
    z = (row * GOLDEN + seed) & MASK
    z = ((z ^ (z >> 30)) * FIRST) & MASK
    z = ((z ^ (z >> 27)) * SECOND) & MASK
    return z ^ (z >> 31)


def place(row: int, seed: int, fractions: tuple[float, float, float]) -> int:
    """Return 0 (train), 1 (validation) or 2 (test) for a row of a random split.

    The upper 53 bits of `mixed()` are compared with the shares, so nothing but the row's own
    number decides: not its neighbours, not where a chunk ends, not the engine.
    """
    share = mixed(row, seed) >> (64 - SHARE_BITS)
    train, validation = bounds(fractions)
    return 0 if share < train else 1 if share < validation else 2


def bounds(fractions: tuple[float, float, float]) -> tuple[int, int]:
    """Return where train and validation end, in units of 2^-53."""
    whole = 1 << SHARE_BITS
    return round(fractions[0] * whole), round((fractions[0] + fractions[1]) * whole)


def sample_key(row: int, seed: int) -> int:
    """Return what orders rows for the sample, in each split as in all of them.

    A product's upper bits depend on all bits of a factor, and the split on the upper bits alone.
    """
    return (mixed(row, seed) * SAMPLE) & MASK


def sample_rows(columns: int) -> int:
    """Return how many rows are kept as the sample of a table of so many parsed columns."""
    return max(1_000, min(SAMPLE_ROWS, SAMPLE_CELLS // max(columns, 1)))


def rounded(value: float) -> float | None:
    """Return nine digits of a number, or None for one that JSON does not know.

    Sums differ in their last bits with the order of additions; what is published must not.
    """
    number = float(f"{value:.9g}")
    return number if abs(number) != float("inf") and number == number else None


def ordered(classes: list[str]) -> list[str]:
    """Return class names in the order of their codes: as numbers when all of them are."""
    try:
        return sorted(classes, key=int)
    except ValueError:
        return sorted(classes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """What train taught: tables by category column, fills by imputed column, class names."""

    dataset: Dataset
    features: Mapping[str, str]
    categories: Mapping[str, list[str]]
    fills: Mapping[str, float]
    classes: list[str] | None

    def schema(self, version: str) -> dict[str, Any]:
        """Return schema.json: what training and serving need to read a row as this code does.

        `fill` is the number the model gets where a value is missing or a category is unknown.
        """
        features = []
        for name, kind in self.features.items():
            feature: dict[str, Any] = {"name": name, "type": kind}
            if kind == "category":
                feature["categories"] = self.categories[name]
            if name in self.fills:
                feature["impute"] = self.dataset.impute[name].strategy
                feature["fill"] = self.fills[name]
            features.append({**feature, "required": False})
        return {
            "format": 1,
            "dataset": self.dataset.name,
            "version": version,
            "problem": self.dataset.problem,
            "target": {"name": self.dataset.target, "classes": self.classes},
            "features": features,
        }


def fill_of(rule: Impute, kind: str, table: list[str], learned: float | None) -> float | None:
    """Return what a column's missing values become; None leaves them missing.

    `learned` is the mean or median of train, None when train has no value of the column.
    """
    if rule.strategy != "constant":
        return None if learned is None else rounded(learned)
    if kind == "category":
        return float(table.index(str(rule.constant)))
    return float(rule.constant if rule.constant is not None else 0)
