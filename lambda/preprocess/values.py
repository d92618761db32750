"""Text into typed values, by the definition: what any text of any type means, however written."""

from __future__ import annotations

import polars as pl

from preprocess.recipe import FALSE, LARGEST, SPACES, TRUE, WHAT, Parse

# Written to quarantine as they came; a longer value would only repeat the raw line beside it.
SHOWN = 40


def stripped(text: pl.Expr, *, thoroughly: bool) -> pl.Expr:
    """Return text without the spaces around it, null where nothing is left."""
    # polars' own choice is quicker and keeps the four separators that begin SPACES.
    found = text.str.strip_chars(SPACES if thoroughly else None)
    return pl.when(found != "").then(found)


def read(value: pl.Expr, rule: Parse, given: pl.DataType) -> tuple[pl.Expr, pl.Expr | None]:
    """Return the value of stripped text and whether it is wrong; None when it cannot be."""
    fault = None
    if given == pl.String and rule.kind in WHAT:
        value, fault = _parse(value, rule.kind)
    if rule.needed:
        missing = value.is_null()
        fault = missing if fault is None else fault | missing
    return value, fault


def reason(rule: Parse, text: pl.Expr, given: pl.DataType) -> pl.Expr:
    """Return what to say of a value that is wrong."""
    # What is missing can only be wrong where it is needed.
    missing = pl.lit(f"{rule.column}: {rule.needed}")
    if rule.kind not in WHAT or given != pl.String:
        return missing
    what = pl.lit(WHAT[rule.kind])
    told = pl.format("{}: {} ('{}')", pl.lit(rule.column), what, text.str.head(SHOWN))
    empty = text.is_null()
    if rule.kind in ("number", "integer"):
        empty = empty | text.cast(pl.Float64, strict=False).is_nan().fill_null(False)
    return pl.when(empty).then(missing).otherwise(told)


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
    value = _timestamp(text)
    return value, given & value.is_null()


def _timestamp(text: pl.Expr) -> pl.Expr:
    plain = text.str.replace(r"^(\d{4}-\d{2}-\d{2}) (\d)", "${1}T${2}").str.replace("Z$", "+00:00")
    zoned = pl.when(plain.str.contains(r"[+-]\d{2}:?\d{2}$") & plain.str.contains("T"))
    local = plain.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00")
    local = local.str.replace(r"T(\d{2}:\d{2})$", "T${1}:00")
    utc = zoned.then(plain).otherwise(local + "+00:00")
    parsed = utc.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us")
    return parsed.dt.epoch("us")
