"""The function as it is called: handler.handler with an S3 in memory behind it."""

from __future__ import annotations

import copy
import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

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


class MemoryS3:
    """The S3 calls the function makes, with S3's own error codes; `order` is what was written."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.order: list[str] = []
        self.chunk: int | None = None

    def head_object(self, *, Bucket: str, Key: str, **_: str) -> dict[str, Any]:  # noqa: N803
        content = self._content(Bucket, Key, "HeadObject", "404")
        return {"ETag": f'"{_md5(content)}"', "ContentLength": len(content)}

    def get_object(
        self,
        *,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        IfMatch: str | None = None,  # noqa: N803
        **_: str,
    ) -> dict[str, Any]:
        content = self._content(Bucket, Key, "GetObject", "NoSuchKey")
        if IfMatch is not None and IfMatch != _md5(content):
            raise _refusal("PreconditionFailed", "GetObject")
        return {"Body": _Body(content, self.chunk)}

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        Body: Any,  # noqa: N803
        IfNoneMatch: str | None = None,  # noqa: N803
        **_: str,
    ) -> None:
        if IfNoneMatch == "*" and (Bucket, Key) in self.objects:
            raise _refusal("PreconditionFailed", "PutObject")
        self.objects[Bucket, Key] = Body if isinstance(Body, bytes) else Body.read()
        self.order.append(Key)

    def _content(self, bucket: str, key: str, call: str, code: str) -> bytes:
        if (bucket, key) not in self.objects:
            raise _refusal(code, call)
        return self.objects[bucket, key]


class _Body:
    def __init__(self, content: bytes, chunk: int | None) -> None:
        self.stream, self.chunk = io.BytesIO(content), chunk

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        while found := self.stream.read(self.chunk or size):
            yield found

    def read(self) -> bytes:
        return self.stream.read()


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _refusal(code: str, call: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, call)


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
