"""The function with an S3 in memory, events that may come anyhow, and a place for what failed."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from support.memory_s3 import MemoryS3

from preprocess import handler as function
from preprocess.faults import DatasetRejected

CONTEXT = SimpleNamespace(
    function_name="preprocess",
    memory_limit_in_mb=2048,
    invoked_function_arn="arn:aws:lambda:us-east-1:222233334444:function:preprocess",
    aws_request_id="1",
)
BLOCK: dict[str, Any] = {
    "name": "tiny",
    "problem": "multiclass",
    "target": "label",
    "columns": {"size": "number", "colour": "category", "label": "category"},
    "split": {"kind": "random", "train": 0.5, "validation": 0.25, "test": 0.25, "seed": 17},
    "limits": {"min_rows": 3, "max_quarantined": 1},
}
HEADER = "size,colour,label\n"
GOOD = "".join(f"{n},{'rg'[n % 2]},{'ab'[n % 3 > 0]}\n" for n in range(24))
LINES = 1 + 24


class CrashError(Exception):
    """The function's process is gone, or its time is over."""


@dataclass(slots=True)
class World:
    """Calls the function as Ingest does."""

    s3: MemoryS3 = field(default_factory=MemoryS3)

    def call(self, key: str, **more: Any) -> dict[str, Any]:
        event = {
            "object": {"bucket": "raw", "key": key, **more},
            "dataset": BLOCK,
            "output": {"bucket": "processed"},
        }
        return function.handler(event, CONTEXT)

    def outcome(self, content: bytes, key: str = "tiny/raw.csv") -> str:
        """published or rejected; every row of a published one is accounted for."""
        self.s3.objects["raw", key] = content
        try:
            result = self.call(key)
        except DatasetRejected as rejected:
            return "rejected" if rejected.faults and all(rejected.faults) else "without a word"
        rows = result["rows"]
        parts = ("train", "validation", "test")
        assert rows["in"] == sum(rows[part] for part in (*parts, "quarantined"))
        place = f"tiny/{result['version']}/"
        for part in parts:
            assert self.file(f"{place}{part}/{part}.csv").count(b"\n") == rows[part]
        if rows["quarantined"]:
            text = self.file(f"{place}quarantine/rows.csv").decode()
            found = list(csv.DictReader(io.StringIO(text, newline="")))
            assert len(found) == rows["quarantined"]
            assert all(row["reason"] and int(row["row"]) > 0 for row in found)
        return "published"

    def file(self, key: str) -> bytes:
        return self.s3.objects["processed", key]

    def json(self, key: str) -> dict[str, Any]:
        return dict(json.loads(self.file(key)))
