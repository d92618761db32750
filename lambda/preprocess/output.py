"""The second pass: rows as numbers, split by split, into objects that appear when complete."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import polars as pl

from preprocess.dataset import SPLITS
from preprocess.recipe import Fitted
from preprocess.s3 import S3
from preprocess.split import PART

PART_BYTES = 8 << 20  # S3 takes parts of 5 MiB or more, 10,000 of them: 80 GB
FRAME_BYTES = 16 << 20  # rows held before they become one Parquet file
UPLOADS = 2


@dataclass(slots=True)
class Upload:
    """An object written piece by piece; nobody sees it before `close`."""

    s3: S3
    bucket: str
    key: str
    content_type: str
    pool: ThreadPoolExecutor
    held: io.BytesIO = field(default_factory=io.BytesIO)
    upload: str | None = None
    parts: deque[Future[str]] = field(default_factory=deque)
    etags: list[str] = field(default_factory=list)

    def write(self, data: bytes | memoryview) -> int:
        """Take more of the object; a full part is sent while the next is made."""
        written = self.held.write(data)
        if self.held.tell() >= PART_BYTES:
            if self.upload is None:
                self.upload = self.s3.begin(self.bucket, self.key, content_type=self.content_type)
            self._send()
        return written

    def close(self) -> None:
        """The object exists."""
        if self.upload is None:
            body = self.held.getvalue()
            self.s3.put(self.bucket, self.key, body, content_type=self.content_type)
            return
        if self.held.tell():
            self._send()
        while self.parts:
            self.etags.append(self.parts.popleft().result())
        self.s3.complete(self.bucket, self.key, self.upload, self.etags)

    def abort(self) -> None:
        """Nothing of the object is kept."""
        for part in self.parts:
            part.cancel()
        if self.upload is not None:
            self.s3.abort(self.bucket, self.key, self.upload)

    def _send(self) -> None:
        assert self.upload is not None  # noqa: S101 (write() has begun it)
        body, self.held = self.held.getvalue(), io.BytesIO()
        number = len(self.etags) + len(self.parts) + 1
        task = (self.bucket, self.key, self.upload, number, body)
        self.parts.append(self.pool.submit(self.s3.part, *task))
        while len(self.parts) >= UPLOADS:
            self.etags.append(self.parts.popleft().result())


def encoded(fitted: Fitted) -> list[pl.Expr]:
    """Return the columns of the published rows: target first, then the features, numbers only."""
    target = pl.col(fitted.dataset.target)
    if fitted.classes is not None:
        target = _coded(target.cast(pl.String), fitted.classes)
    columns = [target.alias("target")]
    for n, (name, kind) in enumerate(fitted.features.items()):
        value = (
            _coded(pl.col(name), fitted.categories[name]) if kind == "category" else pl.col(name)
        )
        if name in fitted.fills:
            value = value.fill_null(_filled(fitted.fills[name], kind))
        columns.append(value.alias(f"feature_{n}"))
    return columns


def _filled(fill: float, kind: str) -> pl.Expr:
    if kind == "number" or not fill.is_integer():
        return pl.lit(fill, dtype=pl.Float64)
    types = {"category": pl.Int32, "boolean": pl.Int8, "integer": pl.Int64}
    return pl.lit(int(fill), dtype=types[kind])


def _coded(value: pl.Expr, table: list[str]) -> pl.Expr:
    # What train never saw becomes missing, here as at inference.
    if not table:
        return pl.lit(None, dtype=pl.Int32)
    return value.cast(pl.Enum(table), strict=False).to_physical().cast(pl.Int32)


class CsvFiles:
    """One headerless CSV a split."""

    def __init__(self, open_: Callable[[str, str], Upload]) -> None:
        self.files = {part: open_(f"{part}/{part}.csv", "text/csv") for part in SPLITS}

    def add(self, part: str, rows: pl.DataFrame) -> None:
        text = io.BytesIO()
        rows.write_csv(text, include_header=False, null_value="")
        self.files[part].write(text.getbuffer())

    def close(self) -> None:
        for file in self.files.values():
            file.close()

    def abort(self) -> None:
        for file in self.files.values():
            file.abort()


class ParquetFiles:
    """Parquet files of some `FRAME_BYTES` of rows each, the features under their own names."""

    def __init__(self, open_: Callable[[str, str], Upload], names: Mapping[str, str]) -> None:
        self.open, self.names = open_, names
        self.held: dict[str, list[pl.DataFrame]] = {part: [] for part in SPLITS}
        self.sizes: dict[str, float] = dict.fromkeys(SPLITS, 0)
        self.numbers = dict.fromkeys(SPLITS, 0)

    def add(self, part: str, rows: pl.DataFrame) -> None:
        self.held[part].append(rows)
        self.sizes[part] += rows.estimated_size()
        if self.sizes[part] >= FRAME_BYTES:
            self._write(part)

    def close(self) -> None:
        for part in SPLITS:
            if self.held[part]:
                self._write(part)

    def abort(self) -> None:
        """Files without a manifest that names them are not part of anything."""

    def _write(self, part: str) -> None:
        rows = pl.concat(self.held[part]).rename(self.names)
        name = f"parquet/{part}/part-{self.numbers[part]:05}.parquet"
        file = io.BytesIO()
        rows.write_parquet(file, compression="snappy", statistics=False)
        upload = self.open(name, "application/vnd.apache.parquet")
        upload.held = file
        upload.close()
        self.held[part], self.sizes[part] = [], 0
        self.numbers[part] += 1


class Files:
    """Everything the second pass writes, in the formats asked for."""

    def __init__(self, fitted: Fitted, open_: Callable[[str, str], Upload]) -> None:
        self.columns = encoded(fitted)
        names = {f"feature_{n}": name for n, name in enumerate(fitted.features)}
        # A feature may be called like the column of the target.
        names["target"] = fitted.dataset.target
        self.kinds: list[CsvFiles | ParquetFiles] = []
        if "csv" in fitted.dataset.formats:
            self.kinds.append(CsvFiles(open_))
        if "parquet" in fitted.dataset.formats:
            self.kinds.append(ParquetFiles(open_, names))

    def add(self, rows: pl.DataFrame) -> None:
        """Take a block of good rows with their PART."""
        numbers = rows.select(PART, *self.columns)
        for number, part in enumerate(SPLITS):
            chosen = numbers.filter(pl.col(PART) == number).drop(PART)
            if chosen.height:
                for kind in self.kinds:
                    kind.add(part, chosen)

    def close(self) -> None:
        """Every file exists."""
        for kind in self.kinds:
            kind.close()

    def abort(self) -> None:
        """No file of several parts is left half done."""
        for kind in self.kinds:
            kind.abort()
