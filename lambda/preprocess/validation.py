"""Batches of records into typed rows: one with a value that does not parse is bad.

Most values are written plainly, and are read a column at a time. Only rows with something else in
them are read by the definition (`values`), and only bad ones are told of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from preprocess import values
from preprocess.batch import INDEX, LINE, RAW, REASON, Batch
from preprocess.dataset import Dataset
from preprocess.recipe import LARGEST, Parse, steps
from preprocess.words import Words

BAD = {"row": pl.UInt64, "line": pl.UInt64, "reason": pl.String, "raw": pl.String}
_IS_BAD, _VALUE = " bad", " value "
# With more odd values than this share of its rows, a column is read by the definition at once:
# written otherwise throughout, it must not have all other columns read again.
MANY = 1 / 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """`good` is typed rows with INDEX, `bad` has BAD's columns; both count from the batch's 0."""

    good: pl.DataFrame
    bad: pl.DataFrame
    rows: int
    lines: int


class Validator:
    """Types batches of records; safe to use from several threads.

    `words` are the pools of its category and boolean columns, for readers that code by them.
    """

    def __init__(self, dataset: Dataset, columns: Sequence[str]) -> None:
        found = steps(dataset, tuple(columns))
        self.rules = [step for step in found if isinstance(step, Parse)]
        self.words = {
            rule.column: Words(rule.kind, dataset.max_categories)
            for rule in self.rules
            if rule.kind in ("category", "boolean")
        }

    def check(self, batch: Batch) -> Checked:
        """Return the batch's rows, typed, and beside them those that are bad."""
        frame = batch.frame.with_columns(pl.int_range(pl.len(), dtype=pl.UInt64).alias(INDEX))
        if LINE in frame.columns:
            broken = frame.filter(pl.col(REASON).is_not_null())
            frame = frame.filter(pl.col(REASON).is_null())
        else:
            broken = frame.head(0)
        read = [self._read(frame[rule.column], rule, batch) for rule in self.rules]
        good = pl.DataFrame([frame[INDEX], *(value for value, _ in read)])
        bad, rules, odd = frame.head(0), [], None
        for rule, (_, one) in zip(self.rules, read, strict=True):
            if one is not None:
                rules.append(rule)
                odd = one if odd is None else odd | one
        if odd is not None and odd.any():
            few = odd.arg_true()
            others, bad = self._by_definition(frame[few], good[few], rules)
            good = good.filter(~odd)
            if others.height:
                good = pl.concat([good, others.cast(good.schema)]).sort(INDEX)
        return Checked(
            good=good,
            bad=_told(batch, rules, bad, broken),
            rows=batch.frame.height,
            lines=batch.lines,
        )

    def _read(
        self, column: pl.Series, rule: Parse, batch: Batch
    ) -> tuple[pl.Series, pl.Series | None]:
        """Return a column's values and which rows need another look; None for no row."""
        value = self._quickly(column, rule)
        odd = None
        if value is not None:
            if (more := value.null_count() - column.null_count()) > 0:
                odd = value.is_null() & column.is_not_null()
            if more > MANY * len(column):
                value = None
        if value is None:
            value, odd = self._exactly(column, rule, batch)
        elif rule.needed and value.null_count():
            odd = value.is_null()
        return value.alias(rule.column), odd

    def _quickly(self, column: pl.Series, rule: Parse) -> pl.Series | None:
        """Return the values that are written plainly and null for the rest; None if none is."""
        if isinstance(column.dtype, pl.Categorical):
            return self.words[rule.column].plain(column)
        if column.dtype != pl.String:
            return column  # typed by its reader, which takes nothing that is wrong
        if rule.kind == "number":
            number = column.cast(pl.Float64, strict=False)
            usable = number.is_between(-LARGEST, LARGEST)
            if usable.all():
                return number
            return pl.select(pl.when(usable).then(number)).to_series()
        if rule.kind == "integer":
            return column.cast(pl.Int64, strict=False)
        words = self.words.get(rule.column)
        if words is None or words.as_text:
            return None
        return words.plain(column.cast(words.type))

    def _exactly(
        self, column: pl.Series, rule: Parse, batch: Batch
    ) -> tuple[pl.Series, pl.Series | None]:
        column = column.alias(rule.column)
        text = column.cast(pl.String).to_frame()
        text = text.select(values.stripped(pl.col(rule.column), thoroughly=batch.separators()))
        value, fault = values.read(pl.col(rule.column), rule, pl.String())
        found = text.select(
            self._coded(value, rule).alias(rule.column),
            (pl.lit(False) if fault is None else fault).alias(" wrong"),
        )
        return found[rule.column], found[" wrong"] if fault is not None else None

    def _by_definition(
        self, frame: pl.DataFrame, good: pl.DataFrame, rules: Sequence[Parse]
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the good rows among some, typed, and the bad ones, their text stripped.

        Only the columns of some rules have odd values; of the others there is `good`.
        """
        kinds = {
            name: pl.String() if isinstance(kind, pl.Categorical) else kind
            for name, kind in frame.schema.items()
        }
        texts = [rule.column for rule in rules if kinds[rule.column] == pl.String]
        read = [
            (rule, *values.read(pl.col(rule.column), rule, kinds[rule.column])) for rule in rules
        ]
        faults = [fault for _, _, fault in read if fault is not None]
        found = (
            frame.lazy()
            .with_columns(
                values.stripped(pl.col(name).cast(pl.String), thoroughly=True) for name in texts
            )
            .with_columns(
                pl.any_horizontal(*faults, False).alias(_IS_BAD),
                *(
                    self._coded(value, rule).alias(f"{_VALUE}{rule.column}")
                    for rule, value, _ in read
                ),
            )
            .collect()
        )
        typed = {rule.column: found[f"{_VALUE}{rule.column}"] for rule in rules}
        others = pl.DataFrame({name: typed.get(name, good[name]) for name in good.columns})
        is_bad = found[_IS_BAD]
        return others[(~is_bad).arg_true()], found[is_bad.arg_true()].select(frame.columns)

    def _coded(self, value: pl.Expr, rule: Parse) -> pl.Expr:
        words = self.words.get(rule.column)
        if rule.kind != "category" or words is None or words.as_text:
            return value
        return value.cast(words.type)


def _told(
    batch: Batch, rules: Sequence[Parse], bad: pl.DataFrame, broken: pl.DataFrame
) -> pl.DataFrame:
    """Return the bad rows with their reasons."""
    if not bad.height and not broken.height:
        return pl.DataFrame(schema=BAD)
    reasons = []
    kinds = bad.schema  # text is stripped, and none is coded any more
    for rule in rules:
        text, given = pl.col(rule.column), kinds[rule.column]
        _, fault = values.read(text, rule, given)
        if fault is not None:
            reasons.append(pl.when(fault).then(values.reason(rule, text, given)))
    told = bad.with_columns(
        reason=pl.concat_str(reasons, separator="; ", ignore_nulls=True)
        if reasons
        else pl.lit(None, dtype=pl.String)
    )
    if batch.texts is not None:
        raw = pl.Series("raw", batch.texts(told[INDEX].to_list()), dtype=pl.String)
        return told.select(pl.col(INDEX).alias("row"), pl.col(INDEX).alias("line"), "reason", raw)
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
