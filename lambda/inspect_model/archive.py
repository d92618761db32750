"""A model's archive, read once and never written: what must not be loaded is refused."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256
from typing import IO

from inspect_model.paths import Paths
from inspect_model.refused import ModelRefused
from inspect_model.unpacked import CHUNK, Caps, Packed, members
from inspect_model.watch import PickleWatch

_BROKEN = (
    *(tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile),
    # What the library makes of some headers that nobody writes.
    *(ValueError, OverflowError, RecursionError),
)


@dataclass(kw_only=True, slots=True)
class Contents:
    """The files of an archive: path to sha256, and their bytes together."""

    files: dict[str, str] = field(default_factory=dict)
    size: int = 0

    def digest(self) -> str:
        """The sha256 of the lines `<sha256>  <path>` of all files, sorted by path.

        What the inference server calls the model's digest: INFERENCE_MODEL_DIGEST.
        """
        text = "".join(f"{found}  {name}\n" for name, found in sorted(self.files.items()))
        return sha256(text.encode()).hexdigest()


def inspect(packed: Packed, *, trusted: Collection[str], caps: Caps | None = None) -> Contents:
    """What an archive holds, once all of it was read and nothing in it was refused.

    Refused are paths that leave the folder, links, devices, set-id files, two members at one path,
    pickles whose sha256 is not `trusted`, anything over the caps, a broken archive and one without
    a model. Raises ModelRefused.
    """
    caps = caps or Caps()
    try:
        return _inspect(packed, trusted, caps)
    except _BROKEN as error:
        raise ModelRefused(
            f"it cannot be read: {error or type(error).__name__}. It must be a complete"
            " gzip-compressed tar file (.tar.gz)"
        ) from error


def _inspect(packed: Packed, trusted: Collection[str], caps: Caps) -> Contents:
    contents, paths = Contents(), Paths(caps.members)
    for tar, member in members(packed, caps):
        path = paths.add(member)
        if member.isreg():
            content = tar.extractfile(member)
            assert content is not None  # noqa: S101  a regular file has content
            contents.files[path] = _file(path, content, trusted)
            contents.size += member.size
    if all(path.startswith("code/") for path in contents.files):
        found = ", ".join(sorted(contents.files)[:5]) or "no file at all"
        raise ModelRefused(f"there is no model in it, only {found}")
    return contents


def _file(path: str, content: IO[bytes], trusted: Collection[str]) -> str:
    """The file's sha256. Raises ModelRefused for a pickle that nobody named."""
    digest, watch = sha256(), PickleWatch(path)
    while chunk := content.read(CHUNK):
        digest.update(chunk)
        watch.update(chunk)
    found = digest.hexdigest()
    if watch.found() and found not in trusted:
        raise ModelRefused(
            f"{path} is a pickle, which can run any code when it is loaded; save the model as ONNX"
            " instead (PyTorch: safetensors), or name this very file, if you made it:"
            f' trusted_pickles = ["{found}"]'
        )
    return found
