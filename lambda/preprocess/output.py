"""The second pass: encoded rows, split by split, into objects that appear when complete."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future

import polars as pl

from preprocess.dataset import SPLITS
from preprocess.recipe import Fitted
from preprocess.upload import UPLOADS, Upload

FRAME_BYTES = 16 << 20  # rows held before they become one Parquet file


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
        self.packed: Future[Upload] | None = None  # the file that is made
        self.sent: deque[Future[None]] = deque()  # those on their way

    def add(self, part: str, rows: pl.DataFrame) -> None:
        self.held[part].append(rows)
        self.sizes[part] += rows.estimated_size()
        if self.sizes[part] >= FRAME_BYTES:
            self._write(part)

    def close(self) -> None:
        for part in SPLITS:
            if self.held[part]:
                self._write(part)
        self._send()
        self._wait(0)

    def abort(self) -> None:
        """Files without a manifest that names them are not part of anything."""
        if self.packed is not None:
            self.packed.cancel()
        for file in self.sent:
            file.cancel()

    def _write(self, part: str) -> None:
        rows, self.held[part], self.sizes[part] = pl.concat(self.held[part]), [], 0
        name = f"parquet/{part}/part-{self.numbers[part]:05}.parquet"
        self.numbers[part] += 1
        upload = self.open(name, "application/vnd.apache.parquet")
        # One is packed while the rows of the next are gathered: those of two would take memory.
        self._send()
        self.packed = upload.pool.submit(_packed, upload, rows.rename(self.names))

    def _send(self) -> None:
        if self.packed is not None:
            upload, self.packed = self.packed.result(), None
            self._wait(UPLOADS - 1)
            self.sent.append(upload.pool.submit(upload.close))

    def _wait(self, most: int) -> None:
        while len(self.sent) > most:
            self.sent.popleft().result()


def _packed(upload: Upload, rows: pl.DataFrame) -> Upload:
    rows.write_parquet(upload.held, compression="snappy", statistics=False)
    return upload


class Files:
    """Everything the second pass writes, in the formats asked for."""

    def __init__(self, fitted: Fitted, open_: Callable[[str, str], Upload]) -> None:
        names = {f"feature_{n}": name for n, name in enumerate(fitted.features)}
        # A feature may be called like the column of the target.
        names["target"] = fitted.dataset.target
        self.kinds: list[CsvFiles | ParquetFiles] = []
        if "csv" in fitted.dataset.formats:
            self.kinds.append(CsvFiles(open_))
        if "parquet" in fitted.dataset.formats:
            self.kinds.append(ParquetFiles(open_, names))

    def add(self, part: int, rows: pl.DataFrame) -> None:
        """Take some encoded rows of a split, in their order."""
        if rows.height:
            for kind in self.kinds:
                kind.add(SPLITS[part], rows)

    def close(self) -> None:
        """Every file exists."""
        for kind in self.kinds:
            kind.close()

    def abort(self) -> None:
        """No file of several parts is left half done."""
        for kind in self.kinds:
            kind.abort()
