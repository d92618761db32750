"""The declaration a dataset is read by: columns, types, target, split, limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preprocess import imputation
from preprocess.faults import DatasetRejected
from preprocess.imputation import Rule

PROBLEMS = ("binary", "multiclass", "regression")
TYPES = ("number", "integer", "category", "boolean", "text", "timestamp")
FEATURE_TYPES = ("number", "integer", "category", "boolean")
SPLITS = ("train", "validation", "test")
KEYS = ("name", "problem", "target", "drop", "columns", "split", "limits", "impute", "formats")
FORMATS = ("csv", "parquet")
SPLIT_KEYS = ("kind", "by", *SPLITS, "seed")
LIMITS = {"min_rows": 20, "max_quarantined": 0.5, "max_categories": 10_000}
LIMIT_RANGES = {
    "min_rows": (len(SPLITS), 2**31),  # each split gets a row
    "max_quarantined": (0, 1),
    "max_categories": (2, 2**24),  # codes stay exact as 32-bit floats
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """How good rows are divided; `by` names the timestamp column of a time split."""

    kind: str
    by: str | None
    fractions: tuple[float, float, float]
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A checked declaration. `columns` holds every declared column with its type."""

    name: str
    problem: str
    target: str
    drop: frozenset[str]
    columns: Mapping[str, str]
    split: Split
    min_rows: int
    max_quarantined: float
    max_categories: int
    impute: Mapping[str, Rule]
    formats: tuple[str, ...]

    def is_feature(self, column: str) -> bool:
        """True for a declared column that ends up in the training data and is not the target."""
        used = column in self.columns and column not in self.drop and column != self.target
        return used and self.columns[column] in FEATURE_TYPES

    def parsed(self, header: Sequence[str]) -> dict[str, str]:
        """Columns whose values are read, in the header's order, with their types."""
        return {
            name: self.columns[name]
            for name in header
            if self.is_feature(name) or name in (self.target, self.split.by)
        }


def parse(block: Mapping[str, Any]) -> Dataset:
    """Return the declaration, or raise `DatasetRejected` naming everything wrong with it."""
    faults = [*_shape_faults(block)]
    if not faults:
        faults = [*_column_faults(block), *_split_faults(block), *_limit_faults(block)]
    if faults:
        raise DatasetRejected(
            f"The declaration of dataset {block.get('name')!r}",
            faults,
            "Change [dataset] in the environment's configuration and deploy.",
        )
    split, limits = block["split"], {**LIMITS, **block.get("limits", {})}
    return Dataset(
        name=block["name"],
        problem=block["problem"],
        target=block["target"],
        drop=frozenset(block.get("drop", ())),
        columns=dict(block["columns"]),
        split=Split(
            kind=split["kind"],
            by=split.get("by") if split["kind"] == "time" else None,
            fractions=(float(split["train"]), float(split["validation"]), float(split["test"])),
            seed=int(split.get("seed", 0)),
        ),
        min_rows=int(limits["min_rows"]),
        max_quarantined=float(limits["max_quarantined"]),
        max_categories=int(limits["max_categories"]),
        impute=imputation.rules(block.get("impute", {})),
        formats=tuple(f for f in FORMATS if f in block.get("formats", FORMATS[:1])),
    )


def _shape_faults(block: Mapping[str, Any]) -> list[str]:
    faults = [f"Unknown key {key!r}; allowed: {', '.join(KEYS)}." for key in block.keys() - KEYS]
    wanted = {"name": str, "problem": str, "target": str, "columns": Mapping, "split": Mapping}
    for key, kind in wanted.items():
        if not isinstance(block.get(key), kind) or not block[key]:
            faults.append(f"{key!r} must be a {kind.__name__.lower()}, got {block.get(key)!r}.")
    drop = block.get("drop", [])
    if not isinstance(drop, list) or not all(isinstance(name, str) for name in drop):
        faults.append(f"'drop' must be a list of column names, got {drop!r}.")
    formats = block.get("formats", list(FORMATS[:1]))
    if not isinstance(formats, list) or not formats or any(f not in FORMATS for f in formats):
        faults.append(f"'formats' must list csv, parquet or both, got {formats!r}.")
    if not isinstance(block.get("limits", {}), Mapping):
        faults.append(f"'limits' must be a table, got {block['limits']!r}.")
    elif isinstance(name := block.get("name"), str) and not re.fullmatch(r"[\w-]{1,63}", name):
        faults.append(
            f"'name' becomes part of S3 keys: letters, digits, - and _ only, got {name!r}."
        )
    return sorted(faults)


def _column_faults(block: Mapping[str, Any]) -> list[str]:
    columns, target, drop = block["columns"], block["target"], set(block.get("drop", ()))
    by = block["split"].get("by") if block["split"].get("kind") == "time" else None
    faults = []
    if block["problem"] not in PROBLEMS:
        faults.append(f"Problem {block['problem']!r} is not one of {', '.join(PROBLEMS)}.")
    for name, kind in columns.items():
        if name != name.strip() or name == "*" or re.fullmatch(r"\^.*\$", name) or not name:
            faults.append(f"Column name {name!r} is empty, has spaces around it or is a pattern.")
        elif kind not in TYPES:
            faults.append(f"Column {name!r} has type {kind!r}; allowed: {', '.join(TYPES)}.")
        elif kind not in FEATURE_TYPES and name not in drop | {by, target}:
            faults.append(f"Column {name!r} is {kind}: list it in 'drop' or split by it.")
    if target not in columns:
        faults.append(f"Target {target!r} is not a declared column.")
    elif target in drop:
        faults.append(f"Target {target!r} is dropped.")
    else:
        kinds: tuple[str, ...] = ("number", "integer")
        if block["problem"] != "regression":
            kinds = ("category", "boolean", "integer")
        if columns[target] not in kinds:
            faults.append(
                f"Target {target!r} is {columns[target]}; {block['problem']} needs"
                f" {' or '.join(kinds)}."
            )
    faults += [f"Dropped column {name!r} is not declared." for name in sorted(drop - set(columns))]
    used = {n for n in set(columns) - drop - {target} if columns[n] in FEATURE_TYPES}
    faults += imputation.faults(block.get("impute", {}), columns, frozenset(used))
    return faults if used else [*faults, "No column is left to learn from."]


def _split_faults(block: Mapping[str, Any]) -> list[str]:
    split = block["split"]
    faults = [
        f"Unknown key {key!r} in 'split'; allowed: {', '.join(SPLIT_KEYS)}."
        for key in sorted(split.keys() - SPLIT_KEYS)
    ]
    shares = [split.get(part) for part in SPLITS]
    if not all(isinstance(s, int | float) and not isinstance(s, bool) and s > 0 for s in shares):
        faults.append(f"'split' needs train, validation and test above 0, got {shares}.")
    elif abs(sum(shares) - 1) > 1e-6:
        faults.append(f"'split' must add up to 1, got {round(sum(shares), 6)}.")
    seed = split.get("seed", 0)
    if not isinstance(seed, int) or not 0 <= seed < 2**63:
        faults.append(f"'split' seed must be an integer from 0 to 2^63-1, got {seed!r}.")
    if split.get("kind") not in ("random", "time"):
        faults.append(f"'split' kind must be random or time, got {split.get('kind')!r}.")
    elif split["kind"] == "time" and block["columns"].get(split.get("by")) != "timestamp":
        faults.append(f"'split' by must name a timestamp column, got {split.get('by')!r}.")
    return faults


def _limit_faults(block: Mapping[str, Any]) -> list[str]:
    limits = block.get("limits", {})
    faults = [
        f"Unknown key {key!r} in 'limits'; allowed: {', '.join(LIMITS)}."
        for key in sorted(limits.keys() - LIMITS)
    ]
    for key in sorted(limits.keys() & LIMITS):
        low, high = LIMIT_RANGES[key]
        value = limits[key]
        if not isinstance(value, int | float) or not low <= value <= high:
            faults.append(f"'limits' {key} must be a number from {low} to {high}, got {value!r}.")
    return faults
