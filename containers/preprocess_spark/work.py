"""What one task of the cluster does with one range: look at it, learn from it, write it.

A task is told everything as bytes and answers in bytes: Spark unpickles arguments before any code
of ours runs, and only then is the function's package importable (`code`).
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import polars as pl

from preprocess.batch import Job
from preprocess.csv_table import CsvTable
from preprocess.dataset import Dataset
from preprocess.encoding import Encoder
from preprocess.fitting import Fit
from preprocess.json_table import JsonTable
from preprocess.output import Files
from preprocess.parquet_table import ParquetTable
from preprocess.recipe import Fitted
from preprocess.s3 import S3
from preprocess.signing import Credentials
from preprocess.source import Form, Source
from preprocess.split import Moments, dealt, keyed
from preprocess.upload import Upload
from preprocess.validation import Reasons, Validator
from preprocess.words import Words
from preprocess_spark import ranges
from preprocess_spark.learning import Lesson, merged
from preprocess_spark.ranges import Range


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What every task of a job knows: the object, its declaration and columns, the version."""

    dataset: Dataset
    source: Source
    form: Form
    names: list[str]
    bucket: str
    folder: str  # of the version, ending in a slash
    region: str
    client: Callable[[], S3] | None = None  # for tests; None signs as the job's role

    @property
    def width(self) -> int | None:
        """How many fields a CSV record has; None for JSON lines."""
        return len(self.names) if self.form.name == "csv" else None

    def s3(self) -> S3:
        """Return a client that signs as the job's role."""
        return self.client() if self.client else client(self.region)


def client(region: str) -> S3:
    """Return an S3 client of the job's role: botocore knows where SageMaker keeps credentials.

    They last hours and a job may last days, so botocore, which renews them in time, is asked for
    every request.
    """
    import botocore.session

    session: Any = botocore.session.get_session()
    role = session.get_credentials()

    def fresh() -> Credentials:
        found = role.get_frozen_credentials()
        return Credentials(
            access_key=found.access_key, secret_key=found.secret_key, token=found.token
        )

    return S3(
        region=region,
        credentials=fresh,
        endpoint=os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
    )


def look(plan: Plan, one: Range) -> ranges.Seen:
    """Return what the range is like."""
    text = ranges.text(plan.s3(), plan.source, plan.form, one)
    return ranges.look(text, plan.width, one.carried)


def learn(plan: Plan, one: Range, part: pl.Expr | None) -> Lesson:
    """Return what the range teaches, and write its bad rows; without `part` only its times."""
    kinds = plan.dataset.parsed(plan.names)
    lesson, reasons = Lesson(), Reasons()
    if part is None:
        lesson.moments = Moments(plan.dataset.split)
    else:
        lesson.fit = Fit(plan.dataset, kinds)
    bad_rows = io.BytesIO()
    for good, bad in _blocks(plan, one):
        lesson.counts["in"] += good.height + bad.height
        lesson.counts["quarantined"] += bad.height
        if bad.height:
            reasons.add(bad)
            bad.write_csv(bad_rows, include_header=not bad_rows.tell())
        if good.height and lesson.moments is not None:
            lesson.moments.add(good)
        elif good.height and lesson.fit is not None and part is not None:
            lesson.fit.take(lesson.fit.look(good, part))
    lesson.reasons[one.index] = reasons
    if bad_rows.tell():
        key = f"{plan.folder}quarantine/rows-{one.index:05}.csv"
        plan.s3().put(plan.bucket, key, bad_rows.getvalue(), content_type="text/csv")
    return lesson


def write(plan: Plan, one: Range, fitted: Fitted, part: pl.Expr) -> None:
    """The range's good rows are in files of its own in every split's folder."""
    s3 = plan.s3()
    with ThreadPoolExecutor(2, "upload") as pool:

        def open_(name: str, content_type: str) -> Upload:
            stem, _, ending = name.rpartition(".")
            key = f"{plan.folder}{stem}-{one.index:05}.{ending}"
            return _Filled(s3, plan.bucket, key, content_type, pool)

        files, encode = Files(fitted, open_), Encoder(fitted).encode
        try:
            for good, _ in _blocks(plan, one):
                for number, rows in enumerate(dealt(good, part)):
                    files.add(number, encode(rows))
            files.close()
        except BaseException:
            files.abort()
            raise


class _Filled(Upload):
    """An object that is only made if there is something in it."""

    __slots__ = ()

    def close(self) -> None:
        if self.upload is not None or self.held.tell():
            Upload.close(self)


def _blocks(plan: Plan, one: Range) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    validator = Validator(plan.dataset, plan.names)
    row, line = one.row, one.line
    for job in _jobs(plan, one, validator.words):
        found = validator.check(job())
        good = keyed(found.good, row, plan.dataset.split.seed)
        bad = found.bad.with_columns(pl.col("row") + row, pl.col("line") + line)
        row, line = row + found.rows, line + found.lines
        yield good, bad


def _jobs(plan: Plan, one: Range, words: Mapping[str, Words]) -> Iterator[Job]:
    s3, kinds = plan.s3(), plan.dataset.parsed(plan.names)
    if plan.form.name == "parquet":
        return _Groups(s3, plan.source, one.first, one.last).jobs(kinds)
    text = _lines(ranges.text(s3, plan.source, plan.form, one), one)
    if plan.form.name == "jsonl":
        return JsonTable(kinds).jobs(text)
    return CsvTable(plan.names, kinds, words).jobs(text)


def _lines(text: Iterator[bytes], one: Range) -> Iterator[bytes]:
    """Yield the lines of the range's records: those handed to it, and not those it hands on."""
    held = one.carried
    for piece in text:
        held += piece
        cut = len(held)
        for _ in range(one.left):
            cut = held.rfind(b"\n", 0, max(cut - 1, 0)) + 1
        if cut:
            yield held[:cut]
            held = held[cut:]
    if held and not one.left:
        yield held


class _Groups(ParquetTable):
    """Some row groups of an object."""

    def __init__(self, s3: S3, source: Source, first: int, last: int) -> None:
        super().__init__(s3, source)
        self.chosen = slice(first, last)

    def _wanted(self, kinds: Any) -> Iterator[Any]:
        return islice(super()._wanted(kinds), self.chosen.start, self.chosen.stop)


def combine(one: bytes, other: bytes) -> bytes:
    """Return two pickled lessons as one."""
    return pickle.dumps(merged(pickle.loads(one), pickle.loads(other)))  # noqa: S301 (our own)


def run(task: bytes) -> bytes:
    """Do one pickled (name, arguments) and return its pickled answer."""
    name, arguments = pickle.loads(task)  # noqa: S301 (the driver's)
    known: dict[str, Callable[..., Any]] = {"look": look, "learn": learn, "write": write}
    return pickle.dumps(known[name](*arguments))
