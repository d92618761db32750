"""From raw object to typed, split and encoded files in a folder."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from preprocess import encoding, records, split, statistics
from preprocess.dataset import Dataset
from preprocess.encoding import Encoding
from preprocess.faults import ObjectFault
from preprocess.validation import Validator, header_faults


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """Everything a version consists of, still on disk."""

    encoding: Encoding
    files: dict[str, Path]
    quarantine: Path | None
    rows: dict[str, int]
    statistics: dict[str, Any]


def prepare(dataset: Dataset, chunks: Iterable[bytes], folder: Path) -> Prepared:
    """Read, check, split and encode one table; raise `ObjectFault` when it cannot be used.

    Blocks go to disk as typed Parquet while the table is read, so memory does not grow with it.
    """
    stream = records.read(records.lines(chunks))
    header = next(stream)
    assert isinstance(header, list)  # noqa: S101 (what read() yields first)
    if faults := header_faults(dataset, header):
        raise ObjectFault(*faults)
    validator = Validator(dataset, header)
    quarantine = folder / "quarantine.csv"
    counts = {"in": 0, "quarantined": 0}
    parts = folder / "typed"
    parts.mkdir()
    with quarantine.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(records.BAD)
        for number, block in enumerate(stream):
            assert isinstance(block, records.Block)  # noqa: S101
            checked = validator.check(block)
            counts["in"] += checked.good.height + checked.bad.height
            counts["quarantined"] += checked.bad.height
            writer.writerows(checked.bad.iter_rows())
            if checked.good.height:
                checked.good.write_parquet(parts / f"{number:08}.parquet", compression="lz4")
    _refuse_counts(dataset, validator, counts)
    place = split.key(dataset.split)
    typed = pl.scan_parquet(parts / "*.parquet").with_columns(place)
    keys = typed.select(split.KEY).collect(engine="streaming").to_series()
    part = split.assign(dataset.split, keys)
    del keys
    typed = typed.with_columns(part)
    kinds = dataset.parsed(header)
    fitted = encoding.fit(dataset, kinds, typed)
    blocks = (
        pl.read_parquet(path).with_columns(place).with_columns(part)
        for path in sorted(parts.iterdir())
    )
    files, sizes = fitted.write(blocks, folder)
    return Prepared(
        encoding=fitted,
        files=files,
        quarantine=quarantine if counts["quarantined"] else None,
        rows={"in": counts["in"], **sizes, "quarantined": counts["quarantined"]},
        statistics={
            **statistics.describe(dataset, kinds, typed),
            "dropped": sorted(dataset.columns.keys() - kinds.keys()),
            "ignored": [name for name in header if name not in dataset.columns],
            "quarantined": dict(sorted(validator.reasons.items())),
        },
    )


def _refuse_counts(dataset: Dataset, validator: Validator, counts: dict[str, int]) -> None:
    total, bad = counts["in"], counts["quarantined"]
    if total == 0:
        raise ObjectFault("It has a header and no row.")
    faults = []
    causes = ", ".join(f"{reason}: {n:,}" for reason, n in validator.reasons.most_common(5))
    first = "; ".join(validator.examples[:3])
    if bad > dataset.max_quarantined * total:
        faults.append(
            f"{bad:,} of {total:,} rows cannot be used, at most {dataset.max_quarantined:.0%} may"
            f" ({causes}; for example {first})."
        )
    if total - bad < dataset.min_rows:
        faults.append(f"It has {total - bad} good rows; at least {dataset.min_rows} are needed.")
    if faults:
        raise ObjectFault(*faults)
