"""The function as it is called: handler.handler with an S3 in memory behind it."""

from __future__ import annotations

import copy
import csv
import io
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from support.memory_s3 import MemoryS3

from preprocess import handler as function
from preprocess.faults import DatasetRejected

TINY: dict[str, Any] = {
    "name": "tiny",
    "problem": "binary",
    "target": "label",
    "drop": ["note"],
    "columns": {
        "size": "number",
        "count": "integer",
        "colour": "category",
        "ready": "boolean",
        "note": "text",
        "label": "category",
    },
    "split": {"kind": "random", "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 17},
}
HEADER = "size,count,colour,ready,note,label"


@dataclass(frozen=True, slots=True)
class Published:
    """One version: what the function returned, and its files by their name in the version."""

    result: dict[str, Any]
    files: dict[str, bytes]

    def json(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.files[name])
        return found

    def split(self, part: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(self.files[f"{part}/{part}.csv"].decode())))

    @property
    def quarantine(self) -> list[dict[str, str]]:
        text = self.files.get("quarantine/rows.csv", b"").decode()
        return list(csv.DictReader(io.StringIO(text, newline="")))


@dataclass(slots=True)
class World:
    """Uploads an object and calls the function for it."""

    s3: MemoryS3 = field(default_factory=MemoryS3)

    def publish(
        self, content: bytes | str, block: dict[str, Any] | None = None, key: str = "tiny/raw.csv"
    ) -> Published:
        raw = content.encode() if isinstance(content, str) else content
        self.s3.objects["raw", key] = raw
        event = {
            "object": {"bucket": "raw", "key": key},
            "dataset": block or declared(),
            "output": {"bucket": "processed"},
        }
        result = function.handler(event, CONTEXT)
        prefix = f"{result['dataset']}/{result['version']}/"
        files = {
            name.removeprefix(prefix): body
            for (bucket, name), body in self.s3.objects.items()
            if bucket == "processed" and name.startswith(prefix)
        }
        return Published(result, files)

    def refusal(self, content: bytes | str, block: dict[str, Any] | None = None) -> DatasetRejected:
        with pytest.raises(DatasetRejected) as caught:
            self.publish(content, block)
        return caught.value


CONTEXT = SimpleNamespace(
    function_name="preprocess",
    memory_limit_in_mb=2048,
    invoked_function_arn="arn:aws:lambda:us-east-1:222233334444:function:preprocess",
    aws_request_id="1",
)


def declared(**changes: Any) -> dict[str, Any]:
    """The tiny declaration; a change of None leaves a key out."""
    block = copy.deepcopy(TINY) | changes
    return {key: value for key, value in block.items() if value is not None}


def table(*extra: str, rows: int = 40) -> str:
    """A good table of the tiny declaration, with lines of the test's own after its rows."""
    lines = [
        f"{n / 4},{n},{('red', 'green', 'blue')[n % 3]},{('true', 'false')[n % 2]},x,"
        f"{('no', 'yes')[n % 5 > 2]}"
        for n in range(rows)
    ]
    return "\n".join([HEADER, *lines, *extra]) + "\n"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(function, "s3", lambda: made.s3)
    return made


@pytest.fixture(name="declared")
def declared_fixture() -> Any:
    return declared


@pytest.fixture(name="table")
def table_fixture() -> Any:
    return table
