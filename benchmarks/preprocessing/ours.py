"""Our engine on a file, read by ranges as from S3: `python ours.py table.csv folder`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lambda"))

from table import BLOCK

from preprocess.dataset import parse
from preprocess.run import prepare
from preprocess.source import Source


class Files:
    """The engine's S3 client over one file and a folder."""

    def __init__(self, raw: Path, out: Path) -> None:
        self.raw, self.out = raw, out

    def get(
        self, bucket: str, key: str, *, first: int = 0, last: int | None = None, **_: Any
    ) -> bytes:
        path = self.raw if bucket == "raw" else self._path(key)
        with path.open("rb") as file:
            file.seek(first)
            return file.read() if last is None else file.read(last - first + 1)

    def put(self, _bucket: str, key: str, body: bytes, **_: Any) -> bool:
        self._path(key).write_bytes(body)
        return True

    def begin(self, _bucket: str, key: str, **_: Any) -> str:
        self._path(key).write_bytes(b"")
        return key

    def part(self, _bucket: str, key: str, _upload: str, number: int, body: bytes) -> str:
        with self._path(key).open("ab") as file:
            file.write(body)
        return str(number)

    def complete(self, *_: Any) -> None: ...

    def abort(self, *_: Any) -> None: ...

    def _path(self, key: str) -> Path:
        return self.out / key.replace("/", "_")


if __name__ == "__main__":
    table, out = Path(sys.argv[1]), Path(sys.argv[2])
    source = Source(
        bucket="raw", key=table.name, etag="1", version_id=None, size=table.stat().st_size
    )
    client: Any = Files(table, out)
    done = prepare(parse(BLOCK), client, source, "out", lambda name: name)
    print(done.rows)
