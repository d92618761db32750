"""Telling a file that unpickling would read, whatever it is called and however it is wrapped.

Nothing is ever unpickled here, and no file is read as a whole: its first bytes say what it is.
"""

from __future__ import annotations

import ast
import bz2
import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from .opcodes import is_pickled  # relative: inspect_model links to this folder

NAMES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle")
_START = 64 * 1024
_MOST_UNPACKED = 1024**2
_MOST_LZMA_MEMORY = 256 * 1024**2
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError)
ZIP = b"PK\x03\x04"
_NPY = b"\x93NUMPY"


def is_pickle(path: Path) -> bool:
    """Whether the file is called a pickle, is one, or is an archive or an array that holds one."""
    if path.name.lower().endswith(NAMES):
        return True
    size = path.stat().st_size
    with path.open("rb") as file:
        return holds_pickle(file, size)


def holds_pickle(file: BinaryIO, size: int, *, wrapped: bool = False) -> bool:
    """Whether it is one, or holds one, by its content; `size` bytes should be there."""
    start = file.read(_START)
    file.seek(0)
    if start.startswith(ZIP):  # what torch.save writes, or numpy.savez
        return not wrapped and _archive_holds_pickle(file)
    if start.startswith(_NPY):
        return _holds_objects(start)
    if not wrapped and (unpacked := _unpacked(start)):
        whole = size < _START and len(unpacked) < _MOST_UNPACKED
        return holds_pickle(
            io.BytesIO(unpacked), len(unpacked) if whole else sys.maxsize, wrapped=True
        )
    return is_pickled(file, size)


def _archive_holds_pickle(file: BinaryIO) -> bool:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError):
        return False  # no reader of archives takes it either
    return any(
        member.filename.lower().endswith(NAMES) or _member_holds_pickle(archive, member)
        for member in archive.infolist()
    )


def _member_holds_pickle(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(member) as content:
            start = io.BytesIO(content.read(_START))
    except (OSError, ValueError, EOFError, RuntimeError, *_DAMAGED):
        return False
    return holds_pickle(start, member.file_size, wrapped=True)


def _holds_objects(start: bytes) -> bool:
    """Whether an array in NumPy's format is one of Python objects, which are pickled."""
    wide = 2 if start[6:7] == b"\x01" else 4
    length = int.from_bytes(start[8 : 8 + wide], "little")
    header = start[8 + wide : 8 + wide + length]
    try:
        return _has_objects(ast.literal_eval(header.decode("utf-8"))["descr"])
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError):
        return b"O" in header


def _has_objects(descr: Any) -> bool:
    if isinstance(descr, str):
        return "O" in descr
    if isinstance(descr, tuple):  # a type and a shape
        return _has_objects(descr[0])
    return any(_has_objects(field[1]) for field in descr)


def _unpacked(start: bytes) -> bytes:
    """Some of what a compressed file holds; nothing if it is none."""
    if start.startswith(b"\x1f\x8b") or (
        start[:1] == b"\x78" and int.from_bytes(start[:2], "big") % 31 == 0
    ):
        return _some(zlib.decompressobj(wbits=47).decompress, start)  # 47: zlib's or gzip's header
    if start.startswith(b"BZh"):
        return _some(bz2.BZ2Decompressor().decompress, start)
    if start.startswith((b"\xfd7zXZ\x00", b"\x5d\x00\x00")):
        return _some(lzma.LZMADecompressor(memlimit=_MOST_LZMA_MEMORY).decompress, start)
    return b""


def _some(decompress: Callable[[bytes, int], bytes], start: bytes) -> bytes:
    try:
        return decompress(start, _MOST_UNPACKED)
    except (OSError, ValueError, EOFError, *_DAMAGED):
        return b""
