"""Typed rows into numbers: the category tables, the schema that records them, the split files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from preprocess.dataset import SPLITS, Dataset
from preprocess.faults import ObjectFault
from preprocess.split import PART


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoding:
    """Fitted tables: `categories` by feature from the train split, `classes` of the target."""

    dataset: Dataset
    features: Mapping[str, str]
    categories: Mapping[str, list[str]]
    classes: list[str] | None

    def schema(self, version: str) -> dict[str, Any]:
        """Return schema.json: what training and serving need to read a row as this code does."""
        features = []
        for name, kind in self.features.items():
            feature: dict[str, Any] = {"name": name, "type": kind}
            if kind == "category":
                feature["categories"] = self.categories[name]
            features.append({**feature, "required": False})
        return {
            "format": 1,
            "dataset": self.dataset.name,
            "version": version,
            "problem": self.dataset.problem,
            "target": {"name": self.dataset.target, "classes": self.classes},
            "features": features,
        }

    def write(
        self, blocks: Iterable[pl.DataFrame], folder: Path
    ) -> tuple[dict[str, Path], dict[str, int]]:
        """Write one headerless CSV a split: target first, numbers only, in the rows' order.

        `blocks` are typed rows with their split. Returns the paths and the rows of each split.
        """
        columns = self._columns()
        paths = {part: folder / f"{part}.csv" for part in SPLITS}
        counts = dict.fromkeys(SPLITS, 0)
        with ExitStack() as stack:
            files = {part: stack.enter_context(paths[part].open("wb")) for part in SPLITS}
            # Block by block: polars' own sink held five times as much for a table of 1 GB.
            for block in blocks:
                for part in SPLITS:
                    chosen = block.filter(pl.col(PART) == part).select(columns)
                    chosen.write_csv(files[part], include_header=False, null_value="")
                    counts[part] += chosen.height
        return paths, counts

    def _columns(self) -> list[pl.Expr]:
        target = pl.col(self.dataset.target)
        if self.classes is not None:
            target = _coded(target.cast(pl.String), self.classes)
        columns = [target.alias("target")]
        for n, (name, kind) in enumerate(self.features.items()):
            value = pl.col(name)
            if kind == "category":
                value = _coded(value, self.categories[name])
            columns.append(value.alias(f"feature_{n}"))
        return columns


def fit(dataset: Dataset, kinds: Mapping[str, str], rows: pl.LazyFrame) -> Encoding:
    """Learn the tables from `rows` (typed, with their split); raise `ObjectFault` if they cannot
    be a problem of the declared kind.
    """
    features = {name: kind for name, kind in kinds.items() if dataset.is_feature(name)}
    train = rows.filter(pl.col(PART) == SPLITS[0])
    faults, categories = [], {}
    for name in (name for name, kind in features.items() if kind == "category"):
        found = train.select(pl.col(name).drop_nulls().unique().sort())
        categories[name] = found.collect(engine="streaming").to_series().to_list()
        if len(categories[name]) > dataset.max_categories:
            faults.append(
                f"Column {name!r} has {len(categories[name]):,} categories, at most"
                f" {dataset.max_categories:,} are allowed: declare it text and drop it."
            )
    classes = None
    if dataset.problem != "regression":
        classes, wrong = _classes(dataset, rows, train)
        faults += wrong
    if faults:
        raise ObjectFault(*faults)
    return Encoding(dataset=dataset, features=features, categories=categories, classes=classes)


def _classes(
    dataset: Dataset, rows: pl.LazyFrame, train: pl.LazyFrame
) -> tuple[list[str], list[str]]:
    target = pl.col(dataset.target)
    unique = target.cast(pl.String).unique()
    found = rows.select(unique).collect(engine="streaming").to_series().to_list()
    try:
        classes = sorted(found, key=int)
    except ValueError:
        classes = sorted(found)
    name, faults = dataset.target, []
    shown = ", ".join(repr(c[:40]) for c in classes[:5]) + (", ..." if len(classes) > 5 else "")
    if len(classes) < 2:
        faults.append(f"Target {name!r} has one class ({shown}): there is nothing to learn.")
    elif dataset.problem == "binary" and len(classes) > 2:
        faults.append(f"Target {name!r} has {len(classes):,} classes ({shown}); binary needs two.")
    elif len(classes) > dataset.max_categories:
        faults.append(f"Target {name!r} has {len(classes):,} classes: it looks like an identifier.")
    else:
        seen = train.select(unique).collect(engine="streaming").height
        if seen < 2:
            faults.append(f"Target {name!r} has one class in the train split ({shown} in all).")
    return classes, faults


def _coded(value: pl.Expr, table: list[str]) -> pl.Expr:
    # What train never saw becomes missing, here as at inference.
    codes = range(len(table))
    return value.replace_strict(table, codes, default=None, return_dtype=pl.Int32)
