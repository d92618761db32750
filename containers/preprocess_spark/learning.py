"""What parts of a table teach, and how two parts' lessons become one.

Every merge is exact or, for sums of floats, exact to the last bits: which parts there are and in
what order they meet changes nothing that is published (`recipe.rounded`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from preprocess.dataset import SPLITS
from preprocess.fitting import Fit
from preprocess.recipe import MOMENTS
from preprocess.split import SAMPLE, Moments
from preprocess.tables import Sums, Table
from preprocess.validation import Reasons


@dataclass(kw_only=True, slots=True)
class Lesson:
    """What some ranges hold: counts, faults by range, and what there is to fit or to split by."""

    counts: dict[str, int] = field(default_factory=lambda: {"in": 0, "quarantined": 0})
    reasons: dict[int, Reasons] = field(default_factory=dict)
    fit: Fit | None = None
    moments: Moments | None = None

    def told(self) -> Reasons:
        """Return the faults of all ranges in the object's order, as one reader would tell them."""
        whole = Reasons()
        for _, part in sorted(self.reasons.items()):
            for example in part.examples:
                kind = example.partition(": ")[2].split(" (")[0]
                if kind not in whole.counts and len(whole.examples) < 10:
                    whole.examples.append(example)
                    whole.counts[kind] += 0
            whole.counts.update(part.counts)
        whole.counts = Counter({kind: n for kind, n in whole.counts.items() if n})
        return whole


def merged(one: Lesson, other: Lesson) -> Lesson:
    """Return what both hold; `one` is changed."""
    one.counts = {name: count + other.counts[name] for name, count in one.counts.items()}
    one.reasons |= other.reasons
    if other.fit is not None:
        one.fit = other.fit if one.fit is None else _fits(one.fit, other.fit)
    if other.moments is not None:
        one.moments = other.moments if one.moments is None else _moments(one.moments, other.moments)
    return one


def _fits(one: Fit, other: Fit) -> Fit:
    for part in SPLITS:
        one.sizes[part] += other.sizes[part]
        _sums(one.parts[part], other.parts[part])
    for name, sums in one.sums.items():
        _sums(sums, other.sums[name])
    for name, sums in one.train.items():
        _sums(sums, other.train[name])
    for name, table in one.tables.items():
        _tables(table, other.tables[name])
    samples = [fit.sample for fit in (one, other) if fit.sample is not None]
    if samples:
        kept = pl.concat(samples)
        one.sample = kept.bottom_k(min(one.sample_rows, kept.height), by=SAMPLE)
    one.below = min(one.below, other.below)
    return one


def _sums(one: Sums, other: Sums) -> None:
    """Chan's formula, as `Sums.take` has it for a block."""
    if not other.count:
        return
    ends = {"n": other.count, "mean": other.mean, "var": other.squares / other.count}
    found = {**ends, "min": other.least, "max": other.most}
    one.take({f"part {name}": value for name, value in found.items()}, "part")


def _tables(one: Table, other: Table) -> None:
    one.missing += other.missing
    if one.too_many or other.too_many:
        one.too_many, one.counts = True, {}
        return
    for value, counts in other.counts.items():
        kept = one.counts.setdefault(value, [0, 0, 0])
        for number, count in enumerate(counts):
            kept[number] += count
    seen = sum(1 for counts in one.counts.values() if counts[0])
    if seen > one.limit or len(one.counts) > 4 * one.limit + 1_000:
        one.too_many, one.counts = True, {}


def _moments(one: Moments, other: Moments) -> Moments:
    bits = max(one.bits, other.bits)
    while True:
        counts: dict[int, int] = {}
        for part in (one, other):
            for moment, count in part.counts.items():
                coarse = moment >> (bits - part.bits)
                counts[coarse] = counts.get(coarse, 0) + count
        if len(counts) <= MOMENTS:
            return Moments(one.split, bits=bits, counts=counts)
        bits += 1
