"""An object of any size that is nowhere: `python virtual.py megabytes` prints what it took.

Only what the function keeps between its passes is stored, outside of its memory.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from preprocess.dataset import parse
from preprocess.run import prepare
from preprocess.source import Source
from preprocess.spool import PREFIX

HEADER = b"size,colour,label\n"
BLOCK: dict[str, Any] = {
    "name": "virtual",
    "problem": "binary",
    "target": "label",
    "columns": {"size": "number", "colour": "category", "label": "category"},
    "split": {"kind": "random", "train": 0.7, "validation": 0.15, "test": 0.15, "seed": 1},
}
# One block of rows again and again: any range of the object can be cut out of it.
ROWS = b"".join(
    b"%010.4f,%s,%s\n" % (n * 7919 % 100_003 / 7, (b"red", b"sky")[n % 2], b"%d" % (n % 3 // 2))
    for n in range(50_000)
)


class Virtual:
    """Reads come out of nothing, writes leave a checksum and a size."""

    def __init__(self, size: int, folder: Path) -> None:
        self.folder = folder
        self.size, self.sums, self.bytes = size, dict[str, int](), 0

    def get(self, bucket: str, key: str, *, first: int = 0, last: int = 0, **_: Any) -> bytes:
        if bucket == "out":
            return self._kept(key).read_bytes()
        head = HEADER[first : last + 1] if first < len(HEADER) else b""
        at, count = max(first - len(HEADER), 0), last + 1 - max(first, len(HEADER))
        start = at % len(ROWS)
        body = ROWS * ((start + count) // len(ROWS) + 1)
        return head + body[start : start + count]

    def put(self, _bucket: str, key: str, body: bytes, **_: Any) -> bool:
        if key.startswith(PREFIX):
            self._kept(key).write_bytes(body)
            return True
        self.sums[key] = zlib.crc32(body, self.sums.get(key, 0))
        self.bytes += len(body)
        return True

    def begin(self, _bucket: str, key: str, **_: Any) -> str:
        return key

    def part(self, bucket: str, key: str, _upload: str, number: int, body: bytes) -> str:
        self.put(bucket, f"{key}?{number}", body)
        return str(number)

    def _kept(self, key: str) -> Path:
        return self.folder / key.replace("/", "_")

    def complete(self, *_: Any) -> None: ...

    def abort(self, *_: Any) -> None: ...


def main(megabytes: int, folder: Path) -> None:
    """Prepare the object and print rows, checksum and peak memory in MB."""
    rows = megabytes * 1_000_000 // (len(ROWS) // 50_000)
    size = len(HEADER) + rows * (len(ROWS) // 50_000)
    client: Any = Virtual(size, folder)
    source = Source(bucket="raw", key="virtual.csv", etag="1", version_id=None, size=size)
    done = prepare(parse(BLOCK), client, source, "out", lambda name: name)
    # ru_maxrss would count the process that started this one: it outlives exec.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 1e3
    checksum = zlib.crc32(json.dumps(sorted(client.sums.items())).encode())
    told = {"expected": rows, "rows": done.rows, "checksum": checksum, "peak": peak}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        main(int(sys.argv[1]), Path(folder))
