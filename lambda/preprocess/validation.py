"""Text into typed values. A row with a value that does not parse is bad; a missing one is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from preprocess.dataset import Dataset
from preprocess.records import BAD, Block
from preprocess.split import ROW

TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
WHAT = {
    "number": "not a finite 32-bit number",
    "integer": "not a 64-bit integer",
    "boolean": "not true or false",
    "timestamp": "not an ISO 8601 time",
}
# Written to quarantine as they came; a longer value would only repeat the raw line beside it.
SHOWN = 40
# What Python's str.strip() takes off, which serving reads values with; polars' own choice keeps
# the four separators that begin it.
SPACES = (
    "\x1c\x1d\x1e\x1f\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
# Models compute with 32-bit floats: a larger number would arrive in training as infinity.
LARGEST = 3.4028234663852886e38


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
        text, value, wrong = _named("text"), _named("value"), _named("wrong")
        frame = block.good.select(
            "row", "line", "raw", *(self._text(name).alias(text(name)) for name in kinds)
        )
        parsed = []
        for name, kind in kinds.items():
            found, fault = _parse(pl.col(text(name)), kind)
            if name in self._needed():
                fault = fault | found.is_null()
            parsed += [found.alias(value(name)), fault.alias(wrong(name))]
        frame = frame.with_columns(parsed)
        frame = frame.with_columns(bad=pl.any_horizontal(wrong(name) for name in kinds))
        good = frame.filter(~pl.col("bad")).select(
            pl.col("row").alias(ROW), *(pl.col(value(name)).alias(name) for name in kinds)
        )
        # Reasons cost more than all the parsing, so they are put together for bad rows only.
        reasons = [
            pl.when(wrong(name)).then(self._reason(name, kind, pl.col(text(name))))
            for name, kind in kinds.items()
        ]
        bad = frame.filter("bad").with_columns(
            reason=pl.concat_str(reasons, separator="; ", ignore_nulls=True)
        )
        bad = pl.concat([block.bad, bad.select(list(BAD))]).sort("row")
        self._count(bad)
        return Block(good=good, bad=bad)

    def _reason(self, name: str, kind: str, text: pl.Expr) -> pl.Expr:
        # What is missing can only be wrong where it is needed.
        missing = pl.lit(f"{name}: {self._needed().get(name)}")
        what = pl.lit(WHAT.get(kind))
        given = pl.format("{}: {} ('{}')", pl.lit(name), what, text.str.head(SHOWN))
        empty = text.is_null()
        if kind == "number" or kind == "integer":
            empty = empty | text.cast(pl.Float64, strict=False).is_nan().fill_null(False)
        return pl.when(empty).then(missing).otherwise(given)

    def _text(self, name: str) -> pl.Expr:
        text = pl.col(f"field_{self.header.index(name)}").str.strip_chars(SPACES)
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


def _named(prefix: str) -> Callable[[str], str]:
    return lambda name: f"{prefix}_{name}"


def _parse(text: pl.Expr, kind: str) -> tuple[pl.Expr, pl.Expr]:
    """Return the typed value and whether the text is none of its type; missing is neither."""
    given = text.is_not_null()
    if kind == "number":
        number = text.cast(pl.Float64, strict=False)
        # NaN is how many programs write a missing number; infinity is not.
        usable = number.is_between(-LARGEST, LARGEST)
        wrong = given & ~(usable | number.is_nan()).fill_null(False)
        return pl.when(usable).then(number), wrong
    if kind == "integer":
        # "5.0" is how a spreadsheet or pandas writes an integer column with gaps.
        number = text.cast(pl.Float64, strict=False)
        whole = pl.when((number == number.floor()) & (number.abs() < 2**53)).then(number)
        value = pl.coalesce(text.cast(pl.Int64, strict=False), whole.cast(pl.Int64, strict=False))
        return value, given & value.is_null() & ~number.is_nan().fill_null(False)
    if kind == "boolean":
        lower = text.str.to_lowercase()
        value = pl.when(lower.is_in(TRUE)).then(1).when(lower.is_in(FALSE)).then(0).cast(pl.Int8)
        return value, given & value.is_null()
    if kind == "timestamp":
        value = _timestamp(text)
        return value, given & value.is_null()
    return text, pl.lit(False)


def _timestamp(text: pl.Expr) -> pl.Expr:
    plain = text.str.replace(r"^(\d{4}-\d{2}-\d{2}) (\d)", "${1}T${2}").str.replace("Z$", "+00:00")
    zoned = pl.when(plain.str.contains(r"[+-]\d{2}:?\d{2}$") & plain.str.contains("T"))
    local = plain.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00")
    local = local.str.replace(r"T(\d{2}:\d{2})$", "T${1}:00")
    utc = zoned.then(plain).otherwise(local + "+00:00")
    parsed = utc.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us")
    return parsed.dt.epoch("us")
