"""Where a model's files may be."""

from __future__ import annotations

import tarfile
from pathlib import PurePosixPath

from inspect_model.refused import ModelRefused

_SET_ID_BITS = 0o6000
_NAME_BYTES = 1024  # the longest key of S3


class Paths:
    """Every path of an archive so far, and whether a further one is a model's."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def add(self, member: tarfile.TarInfo) -> str:
        """The member's path in the model folder. Raises ModelRefused."""
        name = repr(member.name[:100])
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise ModelRefused(f"member {name} points outside the model folder")
        if not (member.isreg() or member.isdir()):
            raise ModelRefused(
                f"member {name} is a link or a device; only files and folders are allowed"
            )
        if member.issparse() or member.size < 0:
            raise ModelRefused(f"member {name} is a sparse file, whose size is only claimed")
        if member.isreg() and member.mode & _SET_ID_BITS:
            raise ModelRefused(f"member {name} is a set-id file")
        if not _is_plain(member.name):
            raise ModelRefused(
                f"member {name} has a name of control characters, of bytes that are no UTF-8, or of"
                f" more than {_NAME_BYTES} bytes"
            )
        self._add(path, folder=member.isdir(), name=name)
        return path.as_posix()

    def _add(self, path: PurePosixPath, *, folder: bool, name: str) -> None:
        text = path.as_posix()
        above = [one.as_posix() for one in path.parents if one.parts]
        if any(one in self._files for one in above):
            raise ModelRefused(f"member {name} is inside a file")
        if text == "." and not folder:
            raise ModelRefused(f"member {name} is the model folder itself, and a file")
        if text in (self._files if folder else self._folders):
            raise ModelRefused(f"member {name} is both a file and a folder")
        if text in self._files:
            raise ModelRefused(f"member {name} is there twice")
        self._folders.update(above)
        (self._folders if folder else self._files).add(text)
        if len(self._files) + len(self._folders) > self._most:
            raise ModelRefused(f"it holds more than {self._most} files and folders")


def _is_plain(name: str) -> bool:
    """Whether a name says one thing to everybody: a line of the digest has to be one line."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return False
    return length <= _NAME_BYTES and not any(one < " " or one == "\x7f" for one in name)
