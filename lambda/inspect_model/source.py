"""An object of S3 as a file that is read once, from its beginning to its end."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

from inspect_model.refused import ModelRefused

# One request's answer, which is all of the object that is ever in memory. A connection that lasts
# as long as the whole archive takes is one that breaks.
RANGE_BYTES = 16 * 1024**2
_ATTEMPTS = 4  # of one range whose answer broke off; what botocore repeats comes on top
# Left to say that the time is over. Lambda itself would only say that it ended the function.
SPARE_SECONDS = 10.0


class S3Source:
    """The object's bytes; all of one version of it, whatever is written meanwhile.

    Attributes: etag, version_id (None in a bucket without versions), size in bytes.
    """

    def __init__(self, s3: Any, uri: str, *, seconds_left: Callable[[], float]) -> None:
        """Ask for the object's first bytes.

        Raises ModelRefused when it is empty or no place in S3, botocore's ClientError when it
        cannot be read.
        """
        place = re.fullmatch(r"s3://([^/]+)/(.+)", uri)
        if place is None:
            raise ModelRefused(f"{uri!r} is no place in S3, which is s3://<bucket>/<key>")
        self._s3, self._seconds_left = s3, seconds_left
        self._object: dict[str, str] = {"Bucket": place[1], "Key": place[2]}
        self._buffer, self._at, self._done = b"", 0, 0
        first = self._first()
        self.etag = str(first["ETag"]).strip('"')
        version = first.get("VersionId")
        self.version_id = None if version in (None, "null") else str(version)
        self.size = int(str(first["ContentRange"]).rpartition("/")[2])
        # A key written to while it is read answers 412, and no archive of two halves is inspected.
        self._object["IfMatch"] = str(first["ETag"])

    def read(self, size: int = -1) -> bytes:
        """`size` bytes, fewer at the end only: the reader of gzip's headers asks once.

        Raises ModelRefused when the time is over.
        """
        found = self._some(size)
        while len(found) != size and (more := self._some(size - len(found) if size > 0 else -1)):
            found += more
        return found

    def _some(self, size: int) -> bytes:
        """At most `size` bytes, of one range; none at the end."""
        if self._at == len(self._buffer):
            if self._seconds_left() < SPARE_SECONDS:
                raise ModelRefused(
                    f"the time was over after {self._done:,} of its {self.size:,} bytes: the"
                    " function that inspects models has 15 minutes, Lambda's longest"
                )
            if self._done >= self.size:
                return b""
            self._buffer, self._at = self._range()["Bytes"], 0
            self._done += len(self._buffer)
        found = self._buffer[self._at : len(self._buffer) if size < 0 else self._at + size]
        self._at += len(found)
        return found

    def _first(self) -> dict[str, Any]:
        try:
            found = self._range()
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidRange":
                raise ModelRefused("it is empty") from error
            raise
        self._buffer = found["Bytes"]
        self._done = len(self._buffer)
        return found

    def _range(self) -> dict[str, Any]:
        """The next range's answer, with its body read."""
        last = self._done + RANGE_BYTES - 1
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._s3.get_object(**self._object, Range=f"bytes={self._done}-{last}")
                return {**answer, "Bytes": answer["Body"].read()}
            except ClientError as error:
                if error.response["Error"]["Code"] != "PreconditionFailed":
                    raise
                raise ModelRefused("it was replaced while it was read") from error
            except (HTTPClientError, IncompleteReadError):
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError  # the last attempt has returned or raised
