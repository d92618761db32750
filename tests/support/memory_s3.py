"""The function's S3 client, with its objects in memory and a crash where a test wants one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from preprocess.s3 import Head, S3Error


class MemoryS3:
    """The calls of `preprocess.s3.S3`, with S3's own error codes; `order` is what was written.

    `before` is called ahead of each call with its name and key, and may raise.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.versions: dict[tuple[str, str, str], bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.order: list[str] = []
        self.before: Callable[[str, str], None] = lambda call, key: None
        self.largest_answer = 0

    def head(self, bucket: str, key: str, *, version: str | None = None) -> Head:
        self.before("head", key)
        content = self._content(bucket, key, version, "HeadObject", "404")
        return Head(etag=etag(content), size=len(content))

    def get(
        self,
        bucket: str,
        key: str,
        *,
        version: str | None = None,
        etag: str | None = None,
        first: int | None = None,
        last: int | None = None,
    ) -> bytes:
        self.before("get", key)
        content = self._content(bucket, key, version, "GetObject", "NoSuchKey")
        if etag is not None and etag != _md5(content):
            raise S3Error("GetObject", 412, "PreconditionFailed", "PreconditionFailed")
        found = content if first is None else content[first : None if last is None else last + 1]
        self.largest_answer = max(self.largest_answer, len(found))
        return found

    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        self.before("read", key)
        found = self.objects.get((bucket, key))
        return None if found is None else (found, etag(found))

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes,
        *,
        content_type: str,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> bool:
        self.before("put", key)
        now = self.objects.get((bucket, key))
        if if_none_match and now is not None:
            return False
        if if_match is not None and (now is None or etag(now) != if_match):
            return False
        self.objects[bucket, key] = bytes(body)
        self.order.append(key)
        return True

    def begin(self, bucket: str, key: str, *, content_type: str) -> str:
        self.before("begin", key)
        upload = f"upload-{len(self.uploads)}"
        self.uploads[upload] = {}
        return upload

    def part(self, bucket: str, key: str, upload: str, number: int, body: bytes) -> str:
        self.before("part", key)
        self.uploads[upload][number] = bytes(body)
        return etag(body)

    def complete(self, bucket: str, key: str, upload: str, etags: list[str]) -> None:
        self.before("complete", key)
        parts = self.uploads.pop(upload)
        assert [etag(parts[n]) for n in range(1, len(parts) + 1)] == etags
        self.objects[bucket, key] = b"".join(parts[n] for n in sorted(parts))
        self.order.append(key)

    def abort(self, bucket: str, key: str, upload: str) -> None:
        self.uploads.pop(upload, None)

    def _content(self, bucket: str, key: str, version: str | None, call: str, code: str) -> bytes:
        if version is not None:
            if (bucket, key, version) not in self.versions:
                raise S3Error(call, 404, "NoSuchVersion", "gone")
            return self.versions[bucket, key, version]
        if (bucket, key) not in self.objects:
            raise S3Error(call, 404, code, "The specified key does not exist.")
        return self.objects[bucket, key]


def etag(content: bytes) -> str:
    return _md5(content)


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
