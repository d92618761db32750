"""From a raw object to a version's files: read once to learn, written by what it taught."""

from __future__ import annotations

import preprocess.allocators  # noqa: F401 (before polars)

# isort: split
import io
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from preprocess import json_table, records, source
from preprocess.ahead import readers
from preprocess.batch import Job
from preprocess.blocks import Opened, blocks
from preprocess.csv_table import CsvTable
from preprocess.dataset import Dataset
from preprocess.encoding import Encoder
from preprocess.faults import ObjectFault
from preprocess.fitting import Fit, Look
from preprocess.header import header_faults
from preprocess.json_table import JsonTable
from preprocess.output import Files
from preprocess.parquet_table import ParquetTable
from preprocess.pieces import pieces
from preprocess.recipe import Fitted
from preprocess.s3 import S3
from preprocess.source import Form, Source
from preprocess.split import Moments, dealt, random, refuse_empty
from preprocess.spool import Spool
from preprocess.upload import Upload
from preprocess.validation import BAD, Reasons, Validator
from preprocess.words import Words

QUARANTINE = "quarantine/rows.csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """What the manifest tells of a version whose files are written."""

    fitted: Fitted
    quarantine: str | None  # its file, or the folder of its files, by its name in the version
    rows: dict[str, int]
    statistics: dict[str, Any]


def prepare(
    dataset: Dataset,
    s3: S3,
    raw: Source,
    bucket: str,
    key: Callable[[str], str],
    form: Form | None = None,
) -> Prepared:
    """Check, split and encode one object and write its files; raise `ObjectFault` if it cannot.

    Memory and disk do not grow with the object: it is read by ranges, and what of its rows does
    not fit into a little memory is kept in the bucket between the passes (see `spool`).
    """
    with readers() as reading, ThreadPoolExecutor(2, "upload") as writing:
        opened = _open(dataset, s3, raw, form or source.form(s3, raw), reading)
        kinds = dataset.parsed(opened.names)
        reasons, counts = Reasons(), {"in": 0, "quarantined": 0}

        def upload(name: str, content_type: str) -> Upload:
            return Upload(s3, bucket, key(name), content_type, writing)

        quarantine, spool = upload(QUARANTINE, "text/csv"), Spool(s3, bucket, reading, writing)
        try:
            fit, part = _learn(dataset, opened, spool, quarantine, reasons, counts)
            fitted = fit.fitted()
            if counts["quarantined"]:
                quarantine.close()
        except BaseException:
            quarantine.abort()
            raise
        files, encode = Files(fitted, upload), Encoder(fitted).encode
        try:
            if dataset.split.by is None:
                for number, rows in spool.blocks(encode):
                    files.add(number, rows)
            else:
                for _, parts in spool.blocks(lambda rows: [*map(encode, dealt(rows, part))]):
                    for number, rows in enumerate(parts):
                        files.add(number, rows)
            files.close()
        except BaseException:
            files.abort()
            raise
    return Prepared(
        fitted=fitted,
        quarantine=QUARANTINE if counts["quarantined"] else None,
        rows={"in": counts["in"], **fit.sizes, "quarantined": counts["quarantined"]},
        statistics={
            **fit.statistics(),
            "dropped": sorted(dataset.columns.keys() - kinds.keys()),
            "ignored": [name for name in opened.names if name not in dataset.columns],
            "quarantined": dict(sorted(reasons.counts.items())),
        },
    )


def _learn(
    dataset: Dataset,
    opened: Opened,
    spool: Spool,
    quarantine: Upload,
    reasons: Reasons,
    counts: dict[str, int],
) -> tuple[Fit, pl.Expr]:
    fit = Fit(dataset, dataset.parsed(opened.names))
    moments = Moments(dataset.split) if dataset.split.by else None
    part, validator = random(dataset.split), Validator(dataset, opened.names)
    quarantine.write((",".join(BAD) + "\n").encode())

    look: Callable[[pl.DataFrame], pl.DataFrame | Look] = partial(fit.look, part=part)
    if moments:
        look = _as_they_are
    seed = dataset.split.seed
    with closing(blocks(spool.reading, opened, validator, seed, look)) as found:
        for block in found:
            counts["in"] += block.rows
            counts["quarantined"] += block.bad.height
            if block.bad.height:
                reasons.add(block.bad)
                text = io.BytesIO()
                block.bad.write_csv(text, include_header=False)
                quarantine.write(text.getbuffer())
            if isinstance(block.good, Look):
                fit.take(block.good)
                for number, rows in enumerate(block.good.parts):
                    spool.add(number, rows)
            elif block.good is not None and moments:
                moments.add(block.good)
                spool.add(0, block.good)
    refuse_counts(dataset, reasons, counts)
    if moments:
        part = moments.part()
        for _, seen in spool.blocks(partial(fit.look, part=part)):
            fit.take(seen)
    refuse_empty(fit.sizes, dataset.split)
    return fit, part


def _as_they_are(rows: pl.DataFrame) -> pl.DataFrame:
    return rows


def _open(dataset: Dataset, s3: S3, raw: Source, form: Form, reading: ThreadPoolExecutor) -> Opened:
    if form.name == "parquet":
        parquet = ParquetTable(s3, raw)
        refuse_header(dataset, parquet.names)
        kinds = dataset.parsed(parquet.names)
        return Opened(names=parquet.names, first_line=1, jobs=lambda _: parquet.jobs(kinds))

    def text() -> Iterator[bytes]:
        chunks = raw.chunks(s3, reading)
        return pieces(source.unpacked(chunks) if form.packed else chunks)

    names, used = column_names(form, text())
    refuse_header(dataset, names)
    kinds = dataset.parsed(names)

    def jobs(words: Mapping[str, Words]) -> Generator[Job]:
        rows = without(text(), used)
        if form.name == "jsonl":
            return JsonTable(kinds).jobs(rows)
        return CsvTable(names, kinds, words).jobs(rows)

    return Opened(names=names, first_line=used + 1, jobs=jobs)


def column_names(form: Form, text: Iterator[bytes]) -> tuple[list[str], int]:
    """Return a text's column names and the number of lines they took."""
    seen = b""
    with closing(text):  # type: ignore[type-var]
        for piece in text:
            seen += piece
            if not seen.strip():
                continue
            if form.name == "jsonl":
                return json_table.names(seen), 0
            start = seen[: 2 * records.MAX_LINE].decode(errors="ignore").split("\n")
            found = records.header(start)
            if found:
                return found
    raise ObjectFault("It is empty: there is no header and no row.")


def without(text: Iterator[bytes], lines: int) -> Iterator[bytes]:
    """Yield the pieces without their first lines."""
    for piece in text:
        while lines and piece:
            end = piece.find(b"\n") + 1
            piece, lines = piece[end:], lines - 1
        if piece:
            yield piece


def refuse_header(dataset: Dataset, names: list[str]) -> None:
    """Raise `ObjectFault` for columns that the declaration cannot be read from."""
    if faults := header_faults(dataset, names):
        raise ObjectFault(*faults)


def refuse_counts(dataset: Dataset, reasons: Reasons, counts: dict[str, int]) -> None:
    """Raise `ObjectFault` for too few good rows or too many bad ones."""
    total, bad = counts["in"], counts["quarantined"]
    if total == 0:
        raise ObjectFault("It has a header and no row.")
    faults = []
    causes = ", ".join(f"{reason}: {n:,}" for reason, n in reasons.counts.most_common(5))
    first = "; ".join(reasons.examples[:3])
    if bad > dataset.max_quarantined * total:
        faults.append(
            f"{bad:,} of {total:,} rows cannot be used, at most {dataset.max_quarantined:.0%} may"
            f" ({causes}; for example {first})."
        )
    if total - bad < dataset.min_rows:
        faults.append(f"It has {total - bad} good rows; at least {dataset.min_rows} are needed.")
    if faults:
        raise ObjectFault(*faults)
