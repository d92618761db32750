"""Model archives that nobody may load, and tar files with some of their bytes changed."""

from __future__ import annotations

import gzip
import io
import os
import random
import tarfile
from collections.abc import Callable

Write = Callable[[tarfile.TarFile], None]


def member(name: str, content: bytes = b"x", **attributes: object) -> Write:
    """Write one file, or what `attributes` make of it."""

    def write(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        for key, value in attributes.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(content))

    return write


def members(*writes: Write) -> Write:
    """Write several."""

    def write(tar: tarfile.TarFile) -> None:
        for one in writes:
            one(tar)

    return write


def zeros(tar: tarfile.TarFile) -> None:
    """200 MB that pack to 194 KB."""
    member("model.onnx", bytes(200 * 1024**2))(tar)


# These headers say that the file is all of one hole. It could be of any size; a reader that takes
# it shall not fill a disk when a test finds that out.
HOLE = 256 * 1024**2
SPARSE = {
    "GNU.sparse.size": str(HOLE),
    "GNU.sparse.numblocks": "1",
    "GNU.sparse.map": f"{HOLE},0",
}

ARCHIVES: dict[str, Write] = {
    "a way out": member("../evil"),
    "a way out, deeper": member("code/../../evil"),
    "an absolute path": member("/tmp/evil"),  # noqa: S108  it must not be written
    "a symbolic link": member("link", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": member("link", b"", type=tarfile.LNKTYPE, linkname="../../etc/passwd"),
    "a device": member("null", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "a pipe": member("pipe", b"", type=tarfile.FIFOTYPE),
    "a set-user-id file": member("tool", mode=0o4755),
    "a bomb": zeros,
    "a file twice": members(member("a"), member("a", b"y")),
    "a file in a file": members(member("a"), member("a/b")),
    "a file that is a folder": members(member("a/b"), member("a")),
    "a file of one hole": member("model.onnx", b"", pax_headers=SPARSE),
}


def packed(write: Write) -> bytes:
    """The archive of what is written."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        write(tar)
    return gzip.compress(raw.getvalue(), 9)


SMALL = [name for name in ARCHIVES if name != "a bomb"]
BROKEN: dict[str, Callable[[], bytes]] = {
    "truncated": lambda: packed(member("model.onnx", os.urandom(100_000)))[:-1000],
    "no archive": lambda: b"PK\x03\x04 is a zip",
    "empty": lambda: b"",
}


def seeds() -> list[bytes]:
    """Tar files to mutate: a good one, it with a link behind, and every small hostile one."""
    good = members(
        *(member(name, b"12345") for name in ("model.onnx", "code/inference.py", "code/lib/a.py")),
        member("x" * 120, b"a long name has a header of its own"),
    )
    linked = members(good, ARCHIVES["a symbolic link"])
    return [
        gzip.decompress(packed(one)) for one in (good, linked, *map(ARCHIVES.get, SMALL)) if one
    ]


def mutated(archive: bytes, dice: random.Random) -> bytes:
    """A tar file with some bytes of its headers changed, and checksums that fit again."""
    content = bytearray(archive)
    for start in range(0, len(content) - 1024, 512):
        header = content[start : start + 512]
        if header[257:262] != b"ustar" or dice.random() < 0.3:
            continue
        for _ in range(dice.choice((1, 1, 2, 8))):
            field = dice.choice(((0, 100), (100, 24), (124, 12), (156, 1), (157, 100), (329, 171)))
            at = field[0] + dice.randrange(min(field[1], 12))
            header[at] = dice.choice((0, 0x2E, 0x2F, 0x30, 0x37, 0x80, 0xFF, dice.randrange(256)))
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        content[start : start + 512] = header
    return bytes(content)
