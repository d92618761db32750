"""An object of any size that is nowhere: `python virtual.py megabytes` prints what it took."""

from __future__ import annotations

import json
import resource
import sys
import zlib
from typing import Any

from preprocess.dataset import parse
from preprocess.run import prepare
from preprocess.source import Source

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

    def __init__(self, size: int) -> None:
        self.size, self.sums, self.bytes = size, dict[str, int](), 0

    def get(self, _bucket: str, _key: str, *, first: int, last: int, **_: Any) -> bytes:
        head = HEADER[first : last + 1] if first < len(HEADER) else b""
        at, count = max(first - len(HEADER), 0), last + 1 - max(first, len(HEADER))
        start = at % len(ROWS)
        body = ROWS * ((start + count) // len(ROWS) + 1)
        return head + body[start : start + count]

    def put(self, _bucket: str, key: str, body: bytes, **_: Any) -> bool:
        self.sums[key] = zlib.crc32(body, self.sums.get(key, 0))
        self.bytes += len(body)
        return True

    def begin(self, _bucket: str, key: str, **_: Any) -> str:
        return key

    def part(self, bucket: str, key: str, _upload: str, number: int, body: bytes) -> str:
        self.put(bucket, f"{key}?{number}", body)
        return str(number)

    def complete(self, *_: Any) -> None: ...

    def abort(self, *_: Any) -> None: ...


def main(megabytes: int) -> None:
    """Prepare the object and print rows, checksum and peak memory in MB."""
    rows = megabytes * 1_000_000 // (len(ROWS) // 50_000)
    size = len(HEADER) + rows * (len(ROWS) // 50_000)
    client: Any = Virtual(size)
    source = Source(bucket="raw", key="virtual.csv", etag="1", version_id=None, size=size)
    done = prepare(parse(BLOCK), client, source, "out", lambda name: name)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    checksum = zlib.crc32(json.dumps(sorted(client.sums.items())).encode())
    told = {"expected": rows, "rows": done.rows, "checksum": checksum, "peak": peak}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
