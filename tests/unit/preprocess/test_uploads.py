"""Objects of several parts: all of it appears, or nothing is kept."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from support.memory_s3 import MemoryS3

from preprocess.upload import PART_BYTES, Upload


def test_no_part_arrives_after_its_upload_was_aborted() -> None:
    """S3 API reference, AbortMultipartUpload: parts on their way may be kept all the same."""
    s3, order = MemoryS3(), []
    sending, aborting = threading.Event(), threading.Event()

    def before(call: str, _key: str) -> None:
        if call == "part":
            sending.set()
            aborting.wait(1)  # an abort that does not wait for this would come now
            order.append(call)

    def abort(*_: str) -> None:
        aborting.set()
        order.append("abort")

    s3.before, s3.abort = before, abort  # type: ignore[method-assign]
    with ThreadPoolExecutor(1) as pool:
        upload = Upload(s3, "bucket", "key", "text/csv", pool)  # type: ignore[arg-type]
        upload.write(b"x" * PART_BYTES)
        assert sending.wait(60)
        upload.abort()
    assert order == ["part", "abort"]
