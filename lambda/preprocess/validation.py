"""Text into typed values. A row with a value that does not parse is bad; a missing one is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from preprocess.dataset import Dataset
from preprocess.records import BAD, Block
from preprocess.split import ROW

TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
WHAT = {
    "number": "not a finite number",
    "integer": "not a 64-bit integer",
    "boolean": "not true or false",
    "timestamp": "not an ISO 8601 time",
}
# Written to quarantine as they came; a longer value would only repeat the raw line beside it.
SHOWN = 40


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


@dataclass(slots=True)
class Validator:
    """Types blocks of records for one header, and counts what it turned away by reason."""

    dataset: Dataset
    header: Sequence[str]
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def check(self, block: Block) -> Block:
        """Return the block with typed columns named as in the header, bad rows moved to `bad`."""
        kinds = self.dataset.parsed(self.header)
        texts = {name: self._text(name) for name in kinds}
        values = {name: _value(texts[name], kind) for name, kind in kinds.items()}
        wrong = {name: _wrong(texts[name], values[name], kind) for name, kind in kinds.items()}
        problems = [
            pl.when(wrong[name]).then(
                pl.format(
                    "{}: {} ('{}')", pl.lit(name), pl.lit(WHAT[kind]), texts[name].str.head(SHOWN)
                )
            )
            for name, kind in kinds.items()
            if kind in WHAT
        ]
        problems += [
            pl.when(values[name].is_null() & ~wrong[name]).then(pl.lit(f"{name}: {what}"))
            for name, what in self._needed().items()
        ]
        frame = block.good.select(
            "row",
            "line",
            "raw",
            pl.concat_str(problems, separator="; ", ignore_nulls=True).alias("reason"),
            *(values[name].alias(f"value_{name}") for name in kinds),
        )
        bad = pl.concat([block.bad, frame.filter(pl.col("reason") != "").select(list(BAD))])
        bad = bad.sort("row")
        self._count(bad)
        good = frame.filter(pl.col("reason") == "").select(
            pl.col("row").alias(ROW), *(pl.col(f"value_{name}").alias(name) for name in kinds)
        )
        return Block(good=good, bad=bad)

    def _text(self, name: str) -> pl.Expr:
        text = pl.col(f"field_{self.header.index(name)}").str.strip_chars()
        return pl.when(text != "").then(text)

    def _needed(self) -> Mapping[str, str]:
        needed = {self.dataset.target: "the target is missing"}
        if self.dataset.split.by:
            needed[self.dataset.split.by] = "the time to split by is missing"
        return needed

    def _count(self, bad: pl.DataFrame) -> None:
        # What is counted is the kind of fault, so the value in brackets is left out.
        for reason, line in bad.select("reason", "line").iter_rows():
            kind = reason.split(" (", 1)[0]
            self.reasons[kind] += 1
            if self.reasons[kind] == 1 and len(self.examples) < 10:
                self.examples.append(f"line {line}: {reason}")


def _value(text: pl.Expr, kind: str) -> pl.Expr:
    if kind == "number":
        number = text.cast(pl.Float64, strict=False)
        return pl.when(number.is_finite()).then(number)
    if kind == "integer":
        # "5.0" is how a spreadsheet or pandas writes an integer column with gaps.
        number = text.cast(pl.Float64, strict=False)
        whole = pl.when((number == number.floor()) & (number.abs() < 2**53)).then(number)
        return pl.coalesce(text.cast(pl.Int64, strict=False), whole.cast(pl.Int64, strict=False))
    if kind == "boolean":
        lower = text.str.to_lowercase()
        return pl.when(lower.is_in(TRUE)).then(1).when(lower.is_in(FALSE)).then(0).cast(pl.Int8)
    if kind == "timestamp":
        return _timestamp(text)
    return text


def _timestamp(text: pl.Expr) -> pl.Expr:
    plain = text.str.replace(r"^(\d{4}-\d{2}-\d{2}) (\d)", "${1}T${2}").str.replace("Z$", "+00:00")
    zoned = pl.when(plain.str.contains(r"[+-]\d{2}:?\d{2}$") & plain.str.contains("T"))
    local = plain.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00")
    local = local.str.replace(r"T(\d{2}:\d{2})$", "T${1}:00")
    utc = zoned.then(plain).otherwise(local + "+00:00")
    parsed = utc.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us")
    return parsed.dt.epoch("us")


def _wrong(text: pl.Expr, value: pl.Expr, kind: str) -> pl.Expr:
    given = text.is_not_null()
    if kind in ("number", "integer"):
        # NaN is how many programs write a missing number; infinity is not.
        given = given & ~text.str.to_lowercase().is_in(["nan"])
    return given & value.is_null()
