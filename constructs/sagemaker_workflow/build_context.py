"""What a container's folder holds, as sixteen characters: the image's tag.

Used by the stacks and by whoever builds and pushes images, so it needs no AWS CDK. The hash is
over the sorted relative paths, the executable bit and the bytes of every file, and so is the same
on every machine, clone and path.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

_NEVER = ("__pycache__", "*.pyc", "*.pyo", ".DS_Store", ".git", ".mypy_cache", ".ruff_cache")
_CHUNK = 1024 * 1024


def build_context_hash(folder: Path) -> str:
    """The first 16 hex digits of the folder's SHA-256.

    Raises ValueError when there is no such folder or nothing in it.
    """
    if not folder.is_dir():
        raise ValueError(f"no build context at {folder}: expected a folder with a Dockerfile")
    digest = hashlib.sha256()
    count = 0
    for relative, path in _files(folder):
        executable = "x" if os.access(path, os.X_OK) and path.stat().st_mode & 0o100 else "-"
        # A length before each part keeps "ab" + "c" apart from "a" + "bc".
        head = f"{len(relative.encode())}:{relative}:{executable}:{path.stat().st_size}:"
        digest.update(head.encode())
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
        count += 1
    if not count:
        raise ValueError(f"the build context {folder} is empty: nothing to build")
    return digest.hexdigest()[:16]


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
    path = folder / ".dockerignore"
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
        # Docker reads .dockerignore but an edit of it alone does not change what is built.
        if name == ".dockerignore" or ignored(name, patterns):
            continue
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
