"""One object of S3, for code that reads it through boto3's get_object."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from support.aws_fakes import refused


class OneObject:
    """Answers ranges of an object, as S3 does; `content` may be replaced between two of them.

    `breaks` is how many answers break off with the error it is given; `ranges` counts all.
    """

    def __init__(self, content: bytes, *, version: str | None = "v1") -> None:
        self.content, self.version = content, version
        self.ranges = 0
        self.breaks: list[Exception] = []
        self.after_range: Callable[[], None] = lambda: None

    @property
    def etag(self) -> str:
        return f'"{abs(hash(self.content))}-7"'

    def get_object(
        self,
        *,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        Range: str,  # noqa: N803
        IfMatch: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        self.ranges += 1
        first, last = (int(one) for one in Range.removeprefix("bytes=").split("-"))
        if IfMatch not in (None, self.etag):
            raise refused("PreconditionFailed", "At least one of the pre-conditions", "GetObject")
        if first >= len(self.content):
            raise refused("InvalidRange", "The requested range is not satisfiable", "GetObject")
        body = self.content[first : last + 1]
        answer = {
            "ETag": self.etag,
            "ContentRange": f"bytes {first}-{first + len(body) - 1}/{len(self.content)}",
            "Body": _Body(body, self.breaks.pop() if self.breaks else None),
            **({"VersionId": self.version} if self.version else {}),
        }
        self.after_range()
        return answer


class _Body(io.BytesIO):
    def __init__(self, content: bytes, fault: Exception | None) -> None:
        super().__init__(content)
        self._fault = fault

    def read(self, size: int | None = -1, /) -> bytes:
        if self._fault is not None:
            raise self._fault
        return super().read(size)
