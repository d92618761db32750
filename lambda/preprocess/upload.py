"""Objects written piece by piece, which appear when they are complete."""

from __future__ import annotations

import io
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from preprocess.s3 import S3

PART_BYTES = 8 << 20  # S3 takes parts of 5 MiB or more, 10,000 of them: 80 GB
UPLOADS = 2


@dataclass(slots=True)
class Upload:
    """An object written piece by piece; nobody sees it before `close`."""

    s3: S3
    bucket: str
    key: str
    content_type: str
    pool: ThreadPoolExecutor
    held: io.BytesIO = field(default_factory=io.BytesIO)
    upload: str | None = None
    parts: deque[Future[str]] = field(default_factory=deque)
    etags: list[str] = field(default_factory=list)

    def write(self, data: bytes | memoryview) -> int:
        """Take more of the object; a full part is sent while the next is made."""
        written = self.held.write(data)
        if self.held.tell() >= PART_BYTES:
            if self.upload is None:
                self.upload = self.s3.begin(self.bucket, self.key, content_type=self.content_type)
            self._send()
        return written

    def close(self) -> None:
        """The object exists."""
        if self.upload is None:
            body = self.held.getvalue()
            self.s3.put(self.bucket, self.key, body, content_type=self.content_type)
            return
        if self.held.tell():
            self._send()
        while self.parts:
            self.etags.append(self.parts.popleft().result())
        self.s3.complete(self.bucket, self.key, self.upload, self.etags)

    def abort(self) -> None:
        """Nothing of the object is kept."""
        for part in self.parts:
            part.cancel()
        # One that arrives after the end of its upload is kept, and paid for, all the same.
        wait(self.parts)
        if self.upload is not None:
            self.s3.abort(self.bucket, self.key, self.upload)

    def _send(self) -> None:
        assert self.upload is not None  # noqa: S101 (write() has begun it)
        body, self.held = self.held.getvalue(), io.BytesIO()
        number = len(self.etags) + len(self.parts) + 1
        task = (self.bucket, self.key, self.upload, number, body)
        self.parts.append(self.pool.submit(self.s3.part, *task))
        while len(self.parts) >= UPLOADS:
            self.etags.append(self.parts.popleft().result())
