"""Model archives: unpacked with caps, packed without surprises."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from local_aws.runtime.containers import RuntimeFailure

_CHUNK = 1024 * 1024
_SET_ID_BITS = 0o6000


@dataclass(frozen=True, kw_only=True, slots=True)
class Caps:
    """How much an archive may unpack to; Python's `data` filter has no such limits.

    A ratio above 200 is no model: weights barely compress, JSON trees reach 20, zeros 1000.
    """

    members: int = 20_000
    total_bytes: int = 30 * 1024**3  # an endpoint's default volume, 30 GB
    ratio: int = 200
    ratio_free_bytes: int = 16 * 1024**2  # below this a high ratio harms nobody


def extract(archive: Path, target: Path, *, url: str, caps: Caps | None = None) -> None:
    """Leave the archive's files under `target`, or nothing at all.

    Refused before anything is written outside: paths that leave the folder, absolute paths, links,
    devices, sparse and set-id files, two members at one path, and anything over the caps. `url`
    names the archive in the RuntimeFailure.
    """
    caps = caps or Caps()
    staging = target.with_name(target.name + ".unpacking")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        _extract(archive, staging, caps=caps)
    except _RefusedError as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise RuntimeFailure(f"model archive {url} is refused: {error}") from error
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise RuntimeFailure(
            f"model archive {url} cannot be read: {error or type(error).__name__}. It must be a"
            " complete gzip-compressed tar file (.tar.gz)"
        ) from error
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)


class _RefusedError(Exception):
    """What is wrong with one member."""


class _Counted:
    """A reader of the unpacked bytes that stops at the caps, whatever headers claim."""

    def __init__(self, raw: gzip.GzipFile, packed_bytes: int, caps: Caps) -> None:
        self._raw, self._caps = raw, caps
        self._count = 0
        self._limit = min(caps.total_bytes, max(caps.ratio_free_bytes, packed_bytes * caps.ratio))

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(min(size, _CHUNK) if size >= 0 else _CHUNK)
        self._count += len(data)
        if self._count > self._limit:
            raise _RefusedError(
                f"it unpacks to more than {self._limit // 1024**2} MB (at most"
                f" {self._caps.ratio} times its own size, {self._caps.total_bytes // 1024**3} GB)"
            )
        return data


def _extract(archive: Path, target: Path, *, caps: Caps) -> None:
    with gzip.open(archive) as raw:
        counted = _Counted(raw, archive.stat().st_size, caps)
        with tarfile.open(fileobj=counted, mode="r|") as tar:  # type: ignore[call-overload]
            for number, member in enumerate(tar, start=1):
                if number > caps.members:
                    raise _RefusedError(f"it holds more than {caps.members} files")
                _extract_member(tar, member, target)
        while counted.read():  # to the end: only there gzip's checksum is compared
            pass


def _extract_member(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise _RefusedError(f"member {member.name!r} points outside the model folder")
    if not (member.isreg() or member.isdir()):
        raise _RefusedError(
            f"member {member.name!r} is a link or a device; only files and folders are"
        )
    if member.issparse():  # holes are no bytes of the archive, so the caps would not see them
        raise _RefusedError(f"member {member.name!r} is a sparse file, whose size is only claimed")
    if member.isreg() and member.mode & _SET_ID_BITS:
        raise _RefusedError(f"member {member.name!r} is a set-id file")
    destination = target / path
    if member.isdir():
        if destination.exists() and not destination.is_dir():
            raise _RefusedError(f"member {member.name!r} is both a file and a folder")
        destination.mkdir(parents=True, exist_ok=True)
        return
    if destination.exists():
        raise _RefusedError(f"member {member.name!r} is there twice")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise _RefusedError(f"member {member.name!r} is inside a file") from error
    source = tar.extractfile(member)
    assert source is not None  # noqa: S101  a regular file has content
    with destination.open("wb") as out:
        shutil.copyfileobj(source, out, _CHUNK)
    destination.chmod(0o755 if member.mode & 0o100 else 0o644)


def pack(folder: Path, archive: Path) -> None:
    """Leave a .tar.gz at `archive` whose root is the content of `folder` (contracts 1.5).

    Names are sorted and owners and times left out, so equal content gives equal bytes. Symbolic
    links are left out.
    """
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0, compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name, path in files(folder):
            info = tarfile.TarInfo(name)
            info.size = path.stat().st_size
            info.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            with path.open("rb") as content:
                tar.addfile(info, content)


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (relative name, path) of each file under `folder`, sorted; symlinks are not followed
    (contracts 7)."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path
