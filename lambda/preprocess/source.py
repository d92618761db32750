"""The raw object: what it is, whether it can be a table at all, and its bytes by ranges."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from preprocess.ahead import ahead
from preprocess.faults import ObjectFault, SizeFault
from preprocess.limits import MIB, largest_object
from preprocess.s3 import S3, S3Error

CHUNK = int(os.environ.get("PREPROCESS_CHUNK_BYTES", str(8 * MIB)))
START = 4096
# A byte of DEFLATE is at most 1,032 bytes unpacked. Tables pack ten to thirty to one; a run of
# zeros, which is what a bomb is, is all that packs a thousand to one.
MOST_RATIO, RATIO_FROM = 300, 64 * MIB
# First bytes of what people upload under a .csv name, and what to call it.
MAGIC = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook: export it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: export it as CSV"),
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
    (b"[", "a JSON array: write one object a line (JSON lines)"),
)
BOM = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One version of one S3 object, as S3 describes it now; `form` and `packed` by its start."""

    bucket: str
    key: str
    etag: str
    version_id: str | None
    size: int
    sequencer: str | None = None

    @property
    def uri(self) -> str:
        """The s3:// address a person knows the object by."""
        return f"s3://{self.bucket}/{self.key}"

    def range(self, s3: S3, first: int, last: int) -> bytes:
        """Return some of the bytes; an object overwritten meanwhile fails, not mixes."""
        return s3.get(
            self.bucket,
            self.key,
            version=self.version_id,
            etag=None if self.version_id else self.etag,
            first=first,
            last=last,
        )

    def chunks(self, s3: S3, pool: ThreadPoolExecutor) -> Iterator[bytes]:
        """Yield the bytes in order; the next ranges are on their way meanwhile, in the pool."""
        places = range(0, self.size, CHUNK)
        ends = (min(first + CHUNK, self.size) - 1 for first in places)
        return ahead(
            pool, (partial(self.range, s3, *one) for one in zip(places, ends, strict=True))
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What an object holds: csv, jsonl or parquet, and whether the bytes are gzip."""

    name: str
    packed: bool

    @property
    def holds_more(self) -> bool:
        """Whether the table is larger than the object."""
        return self.packed or self.name == "parquet"


def form(s3: S3, source: Source) -> Form:
    """Return what the object's first bytes say it is; raise `ObjectFault` for anything else.

    The content decides, whatever the key ends in; only text that could be either is JSON lines
    because its key says so.
    """
    start = source.range(s3, 0, min(START, source.size) - 1)
    packed = start.startswith(GZIP)
    if packed:
        try:
            start = zlib.decompressobj(31).decompress(start, START)
        except zlib.error as error:
            raise ObjectFault(f"It starts like gzip data and is not: {error}.") from None
    start = start.removeprefix(BOM)
    if start.startswith(PARQUET) and not packed:
        return Form(name="parquet", packed=False)
    if start.startswith(PARQUET):
        raise ObjectFault("It is a Parquet file inside gzip: upload it unpacked.")
    if start.startswith(GZIP):
        raise ObjectFault("It is gzip data inside gzip: pack it once.")
    for magic, name in MAGIC:
        if start.startswith(magic):
            raise ObjectFault(f"It is neither CSV, JSON lines nor Parquet: it starts like {name}.")
    name = source.key.lower().removesuffix(".gz")
    lines = start.lstrip().startswith(b"{") or name.endswith((".jsonl", ".ndjson"))
    return Form(name="jsonl" if lines else "csv", packed=packed)


def unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what gzip chunks hold, never more than a chunk's size at once."""
    engine = zlib.decompressobj(31)
    read = made = 0
    started = False
    for chunk in chunks:
        read += len(chunk)
        rest = chunk
        while rest:
            if engine.eof:
                # Several files packed one after another are one; zeros may follow the last.
                rest = rest.lstrip(b"\0")
                if not rest:
                    break
                engine, started = zlib.decompressobj(31), False
            try:
                found = engine.decompress(rest, CHUNK)
            except zlib.error as error:
                raise ObjectFault(f"Its gzip data is damaged at byte {read:,}: {error}.") from None
            started = True
            rest = engine.unused_data if engine.eof else engine.unconsumed_tail
            made += len(found)
            if made > RATIO_FROM and made > MOST_RATIO * read:
                raise ObjectFault(
                    f"Its gzip data unpacks to more than {MOST_RATIO} times its size"
                    f" ({made:,} bytes out of {read:,} so far): that is no table."
                )
            if found:
                yield found
    if started and not engine.eof:
        raise ObjectFault(f"Its gzip data ends too early, after {made:,} unpacked bytes.")


def describe(s3: S3, event: Mapping[str, Any]) -> Source:
    """Return the object an event speaks of, from S3 itself; an event may be late or partial."""
    bucket, key, version = event["bucket"], event["key"], event.get("version_id") or None
    try:
        head = s3.head(bucket, key, version=version)
    except S3Error as error:
        if error.status == 403:
            # The answer to a HEAD has no words; a GET is refused by the name of what is missing.
            s3.get(bucket, key, version=version, first=0, last=0)
        if error.status != 404:
            raise
        raise ObjectFault("There is no such object: it was deleted after its upload.") from None
    return Source(
        bucket=bucket,
        key=key,
        etag=head.etag,
        version_id=version,
        size=head.size,
        sequencer=event.get("sequencer") or None,
    )


def refuse_size(
    source: Source, *, timeout_seconds: float, memory_mb: int, packed: bool = False
) -> None:
    """Raise `ObjectFault` for an object that is empty or too large to finish, unread.

    One that is `packed` holds more than its size says.
    """
    if source.size == 0:
        raise ObjectFault("It is empty: there is no header and no row.")
    limit = largest_object(timeout_seconds=timeout_seconds, memory_mb=memory_mb, packed=packed)
    if source.size > limit:
        of_such = " of gzip or Parquet" if packed else ""
        raise SizeFault(
            f"It has {source.size / MIB:,.0f} MiB; this function reads at most"
            f" {limit / MIB:,.0f} MiB{of_such} within its {timeout_seconds:,.0f} seconds."
        )
