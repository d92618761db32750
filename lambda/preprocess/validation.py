"""Text into typed values. A row with a value that does not parse is bad; a missing one is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import polars as pl

from preprocess.batch import INDEX, LINE, RAW, REASON, Batch
from preprocess.dataset import Dataset
from preprocess.recipe import FALSE, LARGEST, SPACES, TRUE, WHAT, Parse, steps

# Written to quarantine as they came; a longer value would only repeat the raw line beside it.
SHOWN = 40
BAD = {"row": pl.UInt64, "line": pl.UInt64, "reason": pl.String, "raw": pl.String}


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """`good` is typed rows with INDEX, `bad` has BAD's columns; both count from the batch's 0."""

    good: pl.DataFrame
    bad: pl.DataFrame
    rows: int
    lines: int


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


class Validator:
    """Types batches of records; safe to use from several threads."""

    def __init__(self, dataset: Dataset, columns: Sequence[str]) -> None:
        found = steps(dataset, tuple(columns))
        self.rules = [step for step in found if isinstance(step, Parse)]
        # Of this table alone, and gone with it. Columns of `as_text` have too many for that.
        self.categories = pl.Categorical(pl.Categories.random())
        self.as_text: set[str] = set()

    def check(self, batch: Batch) -> Checked:
        """Return the batch's rows, typed, and beside them those that are bad."""
        frame = batch.frame.with_columns(pl.int_range(pl.len(), dtype=pl.UInt64).alias(INDEX))
        if LINE in frame.columns:
            broken = frame.filter(pl.col(REASON).is_not_null())
            frame = frame.filter(pl.col(REASON).is_null())
        else:
            broken = frame.head(0)
        quick = frame.select(
            found.alias(rule.column)
            for rule in self.rules
            if frame.schema[rule.column] == pl.String
            and (found := _quickly(pl.col(rule.column), rule.kind)) is not None
        )
        coded = [
            r.column for r in self.rules if r.kind == "category" and r.column not in self.as_text
        ]
        named = frame.select(
            pl.col(name).cast(self.categories) for name in coded if frame.schema[name] == pl.String
        )
        settled = {
            rule.column: quick[rule.column]
            for rule in self.rules
            if rule.column in quick.columns and _settled(frame, quick, rule)
        } | {name: named[name] for name in named.columns if _is_plain(named[name])}
        # Text that is plain needs no stripping: most numbers are.
        frame = _stripped(frame, thoroughly=batch.separators, but=settled.keys())
        values, wrong = [], {}
        for rule in self.rules:
            if rule.column in settled:
                values.append(pl.lit(settled[rule.column]))
                continue
            value, fault = _read(frame, rule)
            values.append(value.alias(rule.column))
            if fault is not None:
                wrong[rule.column] = fault
        typed = frame.select(INDEX, *values, *(w.alias(_named(n)) for n, w in wrong.items()))
        faults = [_named(name) for name in wrong]
        columns = [INDEX, *(rule.column for rule in self.rules)]
        if not faults:
            good, bad = typed, frame.head(0)
        else:
            marked = typed.select(pl.any_horizontal(faults).alias("bad")).to_series()
            good = typed.filter(~marked) if marked.any() else typed
            bad = frame.filter(marked) if marked.any() else frame.head(0)
        return Checked(
            good=good.select(columns).with_columns(pl.col(coded).cast(self.categories)),
            bad=self._told(batch, bad, broken, settled.keys()),
            rows=batch.frame.height,
            lines=batch.lines,
        )

    def _told(
        self, batch: Batch, bad: pl.DataFrame, broken: pl.DataFrame, settled: Set[str]
    ) -> pl.DataFrame:
        """The bad rows with their reasons: they cost more than all the parsing, so only here."""
        if not bad.height and not broken.height:
            return pl.DataFrame(schema=BAD)
        reasons = []
        for rule in (rule for rule in self.rules if rule.column not in settled):
            _, fault = _read(bad, rule)
            if fault is not None:
                reasons.append(pl.when(fault).then(_reason(rule, bad.schema[rule.column])))
        told = bad.with_columns(
            reason=pl.concat_str(reasons, separator="; ", ignore_nulls=True)
            if reasons
            else pl.lit(None, dtype=pl.String)
        )
        if batch.texts is not None:
            raw = pl.Series("raw", batch.texts(told[INDEX].to_list()), dtype=pl.String)
            return told.select(
                pl.col(INDEX).alias("row"), pl.col(INDEX).alias("line"), "reason", raw
            )
        columns = [pl.col(INDEX).alias("row"), pl.col(LINE).alias("line")]
        found = [
            told.select(*columns, "reason", pl.col(RAW).alias("raw")),
            broken.select(*columns, pl.col(REASON).alias("reason"), pl.col(RAW).alias("raw")),
        ]
        return pl.concat(found).sort("row")


@dataclass(slots=True)
class Reasons:
    """How often each kind of fault was found, and the first rows that had one."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, bad: pl.DataFrame) -> None:
        """Count the kinds of fault, without the value in brackets."""
        kind = pl.col("reason").str.split(" (").list.first()
        told = bad.group_by(kind.alias("kind"), maintain_order=True).agg(
            pl.len(), pl.col("line").first(), pl.col("reason").first()
        )
        for name, count, line, reason in told.iter_rows():
            if name not in self.counts and len(self.examples) < 10:
                self.examples.append(f"line {line}: {reason}")
            self.counts[name] += count


# The words of both halves as most people write them; the first half is true.
_WORDS = [*TRUE, "True", "TRUE", *FALSE, "False", "FALSE"]


def _named(column: str) -> str:
    return f" wrong {column}"


def _read(frame: pl.DataFrame, rule: Parse) -> tuple[pl.Expr, pl.Expr | None]:
    """Return a column's typed value and whether it is wrong; None when it cannot be."""
    value = pl.col(rule.column)
    if frame.schema[rule.column] != pl.String:
        # Typed by its reader, which takes nothing that is wrong.
        return value, value.is_null() if rule.needed else None
    if rule.kind in WHAT:
        found, fault = _parse(value, rule.kind)
        return found, fault | found.is_null() if rule.needed else fault
    return value, value.is_null() if rule.needed else None


def _quickly(text: pl.Expr, kind: str) -> pl.Expr | None:
    """Return the values of text that is written plainly, and null for anything else."""
    if kind == "number":
        return text.cast(pl.Float64, strict=False)
    if kind == "integer":
        return text.cast(pl.Int64, strict=False)
    if kind == "boolean":
        place = text.cast(pl.Enum(_WORDS), strict=False).to_physical()
        return (place < len(_WORDS) // 2).cast(pl.Int8)
    return None


def _is_plain(values: pl.Series) -> bool:
    """Whether no category has spaces around it or is missing."""
    words = values.unique().cast(pl.String)
    stripped = words.str.strip_chars(SPACES)
    return not words.null_count() and bool(((words == stripped) & (words != "")).all())


def _settled(frame: pl.DataFrame, quick: pl.DataFrame, rule: Parse) -> bool:
    """Whether all that quick reading left out is missing, and nothing else needs a word."""
    found = quick[rule.column]
    missing = found.null_count()
    text = frame[rule.column]
    nothing = text.null_count() + int((text == "").sum() or 0) if missing else 0
    if missing != nothing or (rule.needed and missing):
        return False
    return rule.kind != "number" or bool(found.is_between(-LARGEST, LARGEST).all())


def _stripped(frame: pl.DataFrame, *, thoroughly: bool, but: Set[str]) -> pl.DataFrame:
    """Text without the spaces around it, null where nothing is left."""
    texts = [n for n, t in frame.schema.items() if t == pl.String]
    names = [n for n in texts if n not in (RAW, REASON) and n not in but]
    # polars' own choice is quicker and keeps the four separators that begin SPACES.
    text = pl.col(names).str.strip_chars(SPACES if thoroughly else None)
    stripped = frame.with_columns(text) if names else frame
    empty = [n for n in names if (stripped[n] == "").any()]
    return stripped.with_columns(pl.when(pl.col(n) != "").then(pl.col(n)) for n in empty)


def _reason(rule: Parse, typed: pl.DataType) -> pl.Expr:
    # What is missing can only be wrong where it is needed.
    missing = pl.lit(f"{rule.column}: {rule.needed}")
    if rule.kind not in WHAT or typed != pl.String:
        return missing
    text = pl.col(rule.column)
    what = pl.lit(WHAT[rule.kind])
    given = pl.format("{}: {} ('{}')", pl.lit(rule.column), what, text.str.head(SHOWN))
    empty = text.is_null()
    if rule.kind in ("number", "integer"):
        empty = empty | text.cast(pl.Float64, strict=False).is_nan().fill_null(False)
    return pl.when(empty).then(missing).otherwise(given)


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
