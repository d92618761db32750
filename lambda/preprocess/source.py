"""The raw object: what it is, whether it can be a table at all, and its bytes in order."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from preprocess.faults import ObjectFault

CHUNK = 8 << 20
MIB = 1 << 20
# First bytes of what people upload under a .csv name, and what to call it.
MAGIC = (
    (b"\x1f\x8b", "gzip data: upload it unpacked"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook: export it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: export it as CSV"),
    (b"PAR1\x15", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"Obj\x01", "an Avro file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x28\xb5\x2f\xfd", "zstandard data: upload it unpacked"),
    (b"BZh91AY&SY", "bzip2 data: upload it unpacked"),
    (b"\xfd7zXZ", "xz data: upload it unpacked"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\xff\xfe", "UTF-16 text: save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text: save it as UTF-8"),
    (b"<!DOCTYPE", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML document"),
    (b"{", "JSON"),
    (b"[", "JSON"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One version of one S3 object, as S3 describes it now."""

    bucket: str
    key: str
    etag: str
    version_id: str | None
    size: int

    @property
    def uri(self) -> str:
        """The s3:// address a person knows the object by."""
        return f"s3://{self.bucket}/{self.key}"

    def chunks(self, s3: Any) -> Iterator[bytes]:
        """Yield the object's bytes; raise `ObjectFault` before any when they are no text."""
        # IfMatch: an object overwritten while it is read must fail, not mix two uploads.
        which = {"VersionId": self.version_id} if self.version_id else {"IfMatch": self.etag}
        body = s3.get_object(Bucket=self.bucket, Key=self.key, **which)["Body"]
        for number, chunk in enumerate(body.iter_chunks(CHUNK)):
            if number == 0:
                _refuse_other_formats(chunk)
            yield chunk


def describe(s3: Any, event: Mapping[str, Any]) -> Source:
    """Return the object an event speaks of, from S3 itself; an event may be late or partial."""
    which = {"Bucket": event["bucket"], "Key": event["key"]}
    if event.get("version_id"):
        which["VersionId"] = event["version_id"]
    try:
        head = s3.head_object(**which)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "403":
            # The answer to a HEAD has no words; a GET is refused by the name of what is missing.
            s3.get_object(**which)["Body"].close()
        if code not in ("404", "NoSuchKey", "NoSuchVersion"):
            raise
        raise ObjectFault("There is no such object: it was deleted after its upload.") from None
    return Source(
        bucket=event["bucket"],
        key=event["key"],
        etag=head["ETag"].strip('"'),
        version_id=event.get("version_id") or None,
        size=head["ContentLength"],
    )


def largest() -> tuple[int, str]:
    """Return the size in bytes of the largest object the function takes, and what bounds it.

    Memory: half of it. Blocks go to disk as they are typed, but one column at a time is
    described in memory (a table of 1 GB and 8 million rows: 636 MB at its peak). Disk: the typed
    blocks and the three splits lie there together, for a table of numbers about as large as the
    object.
    """
    memory = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048")) * MIB
    disk = shutil.disk_usage(tempfile.gettempdir()).free
    return min((memory // 2, "half its memory"), (disk * 2 // 3, "two thirds of its disk"))


def refuse_size(source: Source) -> None:
    """Raise `ObjectFault` for an object that is empty or larger than `largest()`, unread."""
    if source.size == 0:
        raise ObjectFault("It is empty: there is no header and no row.")
    limit, bound = largest()
    if source.size > limit:
        raise ObjectFault(
            f"It has {source.size / MIB:,.0f} MiB; this function reads at most"
            f" {limit / MIB:,.0f} MiB ({bound})."
        )


def _refuse_other_formats(start: bytes) -> None:
    for magic, name in MAGIC:
        if start.removeprefix(b"\xef\xbb\xbf").startswith(magic):
            raise ObjectFault(f"It is not CSV: it starts like {name}.")
