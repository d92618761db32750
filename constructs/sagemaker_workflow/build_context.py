"""What a container's folder holds, as sixteen characters: the image's tag.

Used by the stacks and by whoever builds and pushes images, so it needs no AWS CDK. The hash is
over the sorted relative paths, the executable bit and the bytes of every file, and so is the same
on every machine, clone and path.
"""

from __future__ import annotations

import atexit
import fnmatch
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_NEVER = ("__pycache__", "*.pyc", "*.pyo", ".DS_Store", ".git", ".mypy_cache", ".ruff_cache")
_IGNORE = ".dockerignore"


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One file of a build context, as it was when it was read."""

    path: str  # relative, POSIX
    executable: bool
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildContext:
    """What a folder held at one moment: its hash and its copies are of the same bytes."""

    name: str
    files: tuple[File, ...]
    dockerignore: bytes | None

    @staticmethod
    def read(folder: Path) -> BuildContext:
        """The folder as it is now.

        Raises ValueError when there is no such folder or nothing in it.
        """
        if not folder.is_dir():
            raise ValueError(f"no build context at {folder}: expected a folder with a Dockerfile")
        files = tuple(
            File(
                path=relative,
                executable=os.access(path, os.X_OK) and bool(path.stat().st_mode & 0o100),
                content=path.read_bytes(),
            )
            for relative, path in _files(folder)
        )
        if not files:
            raise ValueError(f"the build context {folder} is empty: nothing to build")
        ignore = folder / _IGNORE
        return BuildContext(
            name=folder.name,
            files=files,
            dockerignore=ignore.read_bytes() if ignore.is_file() else None,
        )

    @property
    def hash(self) -> str:
        """The first 16 hex digits of the SHA-256 of all of it."""
        digest = hashlib.sha256()
        for one in self.files:
            # A length before each part keeps "ab" + "c" apart from "a" + "bc".
            size = len(one.path.encode())
            head = f"{size}:{one.path}:{'x' if one.executable else '-'}:{len(one.content)}:"
            digest.update(head.encode() + one.content)
        return digest.hexdigest()[:16]

    def copy(self) -> Path:
        """A new temporary folder holds it, named as the folder was; gone when the process ends."""
        folder = Path(_temporary(), self.hash, self.name)
        if folder.is_dir():
            return folder
        folder.mkdir(parents=True)
        if self.dockerignore is not None:
            (folder / _IGNORE).write_bytes(self.dockerignore)
        for one in self.files:
            path = folder / one.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.content)
            path.chmod(0o755 if one.executable else 0o644)
        return folder


def build_context_hash(folder: Path) -> str:
    """The hash of what the folder holds now; see `BuildContext`."""
    return BuildContext.read(folder).hash


@cache
def _temporary() -> str:
    folder = tempfile.mkdtemp(prefix="build-context-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def ignored(relative: str, patterns: list[str]) -> bool:
    """True when `.dockerignore` patterns leave this path (POSIX, relative) out of the context.

    The last pattern that matches decides, as in Docker: `!keep.txt` brings a file back.
    """
    left_out = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if _matches(relative, pattern.lstrip("!").strip("/")):
            left_out = not negated
    return left_out


def read_patterns(folder: Path) -> list[str]:
    """The patterns of the folder's `.dockerignore`, comments and blank lines left out."""
    path = folder / _IGNORE
    if not path.is_file():
        return []
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    patterns = read_patterns(folder)
    found = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if not path.is_file() or any(_never(part) for part in relative.parts):
            continue
        name = relative.as_posix()
        # Docker reads .dockerignore but an edit of it alone does not change what is built. It reads
        # the Dockerfile too, also where that is left out of what COPY sees.
        if name != _IGNORE and (name == "Dockerfile" or not ignored(name, patterns)):
            found.append((name, path))
    yield from sorted(found)


def _never(part: str) -> bool:
    return any(fnmatch.fnmatch(part, pattern) for pattern in _NEVER)


def _matches(relative: str, pattern: str) -> bool:
    """Match the path or one of its parents: `tests` leaves out `tests/unit/test_a.py`."""
    parts = relative.split("/")
    wanted = pattern.split("/")
    return any(_match_parts(parts[:size], wanted) for size in range(1, len(parts) + 1))


def _match_parts(parts: list[str], wanted: list[str]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_match_parts(parts[skip:], wanted[1:]) for skip in range(len(parts) + 1))
    return bool(
        parts and fnmatch.fnmatchcase(parts[0], wanted[0]) and _match_parts(parts[1:], wanted[1:])
    )
