"""Folders a container may read and not write."""

from __future__ import annotations

from pathlib import Path


def make_read_only(folder: Path) -> None:
    """Leave every file and folder below `folder` without write permission."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)


def make_writable(folder: Path) -> None:
    """Undo `make_read_only`, so that the folder can be removed."""
    if folder.is_dir():
        folder.chmod(0o755)
        for path in folder.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
