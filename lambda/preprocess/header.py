"""A table's column names, held against the declaration before a row is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from preprocess.dataset import Dataset


def header_faults(dataset: Dataset, header: Sequence[str]) -> list[str]:
    """Return everything wrong with the first line; extra columns are not wrong."""
    counts = Counter(header)
    faults = []
    missing = [name for name in dataset.columns if name not in counts]
    if len(missing) == len(dataset.columns):
        shown = ",".join(header)[:120]
        hint = "Is the header missing?"
        for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if len(header) == 1 and mark in header[0]:
                hint = f"It looks separated by {name}; only commas are read."
        return [f"Its first line ({shown!r}) names none of the declared columns. {hint}"]
    if dataset.target in missing:
        faults.append(f"The target column {dataset.target!r} is missing.")
    others = [name for name in missing if name != dataset.target]
    if others:
        faults.append(
            f"{len(others)} of {len(dataset.columns)} declared columns are missing:"
            f" {', '.join(others[:20])}{', ...' if others[20:] else ''}."
        )
    twice = sorted(name for name, n in counts.items() if n > 1 and name in dataset.columns)
    if twice:
        faults.append(f"Columns named more than once: {', '.join(twice)}.")
    return faults
