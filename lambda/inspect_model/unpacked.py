"""The members of a packed archive, one after the other, within caps."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from inspect_model.refused import ModelRefused

CHUNK = 1024 * 1024
_BLOCK = 128 * 512  # the library's own 20 records cost a third of the speed
# What may be read to find the next file: its header, and names that need more room than that. The
# library keeps all of it in memory, so what a header claims is not believed.
_HEADERS_BYTES = 256 * 1024
# Of headers for a whole archive; any other would name the files after it anew.
_GLOBAL_HEADERS = {"comment"}


class Packed(Protocol):
    """Where the packed bytes come from."""

    size: int

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Caps:
    """How much an archive may unpack to: what the local AWS takes, too.

    A ratio above 200 is no model: weights barely compress, JSON trees reach 20, zeros 1000.
    """

    members: int = 20_000  # files and folders
    total_bytes: int = 30 * 1024**3  # an endpoint's default volume, 30 GB
    ratio: int = 200
    ratio_free_bytes: int = 16 * 1024**2  # below this a high ratio harms nobody


def members(packed: Packed, caps: Caps) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Each member, with what its content is read from before the next one is asked for.

    Raises ModelRefused over the caps, and what tarfile, gzip and zlib raise for broken archives.
    """
    with gzip.GzipFile(fileobj=packed) as raw:  # type: ignore[call-overload]
        counted = _Counted(raw, packed.size, caps)
        with tarfile.open(  # type: ignore[call-overload]
            fileobj=counted, mode="r|", tarinfo=_Header, encoding="utf-8", bufsize=_BLOCK
        ) as tar:
            while (member := _next(tar, counted)) is not None:
                yield tar, member
                tar.members = []  # the library keeps each, with all of its headers
        while counted.read():  # to the end: only there gzip's checksum is compared
            pass


def _next(tar: tarfile.TarFile, counted: _Counted) -> tarfile.TarInfo | None:
    counted.between_files()
    member = tar.next()
    counted.inside_file()
    if unknown := tar.pax_headers.keys() - _GLOBAL_HEADERS:
        raise ModelRefused(f"it has a header for all files, {min(unknown)!r}")
    return member


class _Header(tarfile.TarInfo):
    """A header as the library reads it, but what is none is a fault and not the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if any(buf):
                raise tarfile.ReadError(str(error)) from error
            raise


class _Counted:
    """A reader of the unpacked bytes that stops at the caps, whatever headers claim."""

    def __init__(self, raw: gzip.GzipFile, packed_bytes: int, caps: Caps) -> None:
        self._raw, self._caps = raw, caps
        self._count = 0
        self._limit = min(caps.total_bytes, max(caps.ratio_free_bytes, packed_bytes * caps.ratio))
        self._until: int | None = _HEADERS_BYTES  # opening an archive reads its first header

    def between_files(self) -> None:
        """From here on headers are read, until `inside_file`."""
        self._until = self._count + _HEADERS_BYTES

    def inside_file(self) -> None:
        self._until = None

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(min(size, CHUNK) if size >= 0 else CHUNK)
        self._count += len(data)
        if self._count > self._limit:
            raise ModelRefused(
                f"it unpacks to more than {self._limit // 1024**2} MB (at most"
                f" {self._caps.ratio} times its own size, {self._caps.total_bytes // 1024**3} GB)"
            )
        if self._until is not None and self._count > self._until:
            raise ModelRefused(f"the header of a file is larger than {_HEADERS_BYTES // 1024} KB")
        return data
