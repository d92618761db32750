"""An S3 in a folder: what several processes write, all of them read."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from urllib.parse import quote, unquote

from support.memory_s3 import MemoryS3


class _Files(MutableMapping[tuple[str, str], bytes]):
    """A file per bucket and key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, name: tuple[str, str]) -> Path:
        return self.folder / f"{name[0]} {quote(name[1], safe='')}"

    def __getitem__(self, name: tuple[str, str]) -> bytes:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            raise KeyError(name) from None

    def __setitem__(self, name: tuple[str, str], body: bytes) -> None:
        self._path(name).write_bytes(body)

    def __delitem__(self, name: tuple[str, str]) -> None:
        self._path(name).unlink()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for path in sorted(self.folder.iterdir()):
            bucket, _, key = path.name.partition(" ")
            yield bucket, unquote(key)

    def __len__(self) -> int:
        return sum(1 for _ in self.folder.iterdir())


def folder_s3(folder: str) -> MemoryS3:
    """Return a client of the objects in the folder."""
    client = MemoryS3()
    client.objects = _Files(Path(folder))  # type: ignore[assignment]
    return client
