"""What an image is built from, as sixteen characters: the image's tag.

Used by the stacks and by whoever builds and pushes images, so it needs no AWS CDK. The hash is
over the sorted relative paths, the executable bit and the bytes of every file, and so is the same
on every machine, clone and path.

A Dockerfile is built from its own folder, or from the one above when it copies folders that lie
there: `COPY trainer ...` and `COPY training_job ...` in containers/trainer/Dockerfile are built
with `docker build --file containers/trainer/Dockerfile containers`. The context is then the
folders it names, and no neighbour's edit changes the tag.
"""

from __future__ import annotations

import atexit
import fnmatch
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_NEVER = ("__pycache__", "*.pyc", "*.pyo", ".DS_Store", ".git", ".mypy_cache", ".ruff_cache")
_IGNORE = ".dockerignore"
_DOCKERFILE = "Dockerfile"
_BASE = re.compile(r"^ARG BASE=(\S+)", re.MULTILINE)
_COPY = re.compile(r"^(?:COPY|ADD)\s+(.+)$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One file of a build context, as it was when it was read."""

    path: str  # relative, POSIX
    executable: bool
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildContext:
    """What an image was built from at one moment: its hash and its copies are of the same bytes."""

    name: str
    files: tuple[File, ...]
    dockerignore: bytes | None

    @staticmethod
    def read(folder: Path) -> BuildContext:
        """What the Dockerfile of `folder` is built from now; its own path is `Dockerfile`.

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
        ignore = context_root(folder) / _IGNORE
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

    @property
    def base(self) -> str | None:
        """The image that it is built on, as its Dockerfile's first `ARG BASE=` says."""
        (text,) = [f.content.decode() for f in self.files if f.path == _DOCKERFILE] or [""]
        return base_of(text)

    def copy(self) -> Path:
        """A temporary folder holds it, Dockerfile on top; gone when the process ends."""
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
    """The hash of what the folder's image is built from now; see `BuildContext`."""
    return BuildContext.read(folder).hash


def base_of(dockerfile: str) -> str | None:
    """The default of `ARG BASE` in the text of a Dockerfile."""
    found = _BASE.search(dockerfile)
    return found[1] if found else None


def context_root(folder: Path) -> Path:
    """The folder that paths in the Dockerfile of `folder` are relative to: it, or the one above."""
    copied = _copied(folder)
    own = all(_holds(folder, part) for part in copied)
    return folder if own or not all(_holds(folder.parent, p) for p in copied) else folder.parent


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
    root = context_root(folder)
    patterns = read_patterns(root)
    wanted = ["*"] if root == folder else _copied(folder)
    tops = [top for part in wanted for top in root.glob(part)]
    found = []
    for path in (path for top in tops for path in (top, *top.rglob("*"))):
        relative = path.relative_to(root)
        if not path.is_file() or any(_never(part) for part in relative.parts):
            continue
        name = relative.as_posix()
        # Docker reads .dockerignore but an edit of it alone does not change what is built. It reads
        # the Dockerfile too, also where that is left out of what COPY sees.
        if name not in (_IGNORE, _DOCKERFILE) and not ignored(name, patterns):
            found.append((name, path))
    if (folder / _DOCKERFILE).is_file():
        found.append((_DOCKERFILE, folder / _DOCKERFILE))
    yield from sorted(found)


def _copied(folder: Path) -> list[str]:
    """The first part of each path that the Dockerfile copies out of its context, sorted."""
    path = folder / _DOCKERFILE
    if not path.is_file():
        return []
    text = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
    found = set()
    for line in _COPY.findall(text):
        words = line.split()
        flags = [word for word in words if word.startswith("--")]
        if any(flag.startswith("--from=") for flag in flags):
            continue  # another stage or image
        rest = line.split(None, len(flags))[-1]
        paths = json.loads(rest) if rest.startswith("[") else rest.split()
        found |= {one.removeprefix("./").split("/")[0] for one in paths[:-1]}
    return sorted(part for part in found if part and "$" not in part)


def _holds(folder: Path, part: str) -> bool:
    return part == "." or any(folder.glob(part))


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
