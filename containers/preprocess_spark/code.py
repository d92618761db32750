"""The function's package where Spark's Python can import it.

It holds a compiled library, which Python imports from a folder only; so each instance unpacks
the zip once, and each Python process of Spark puts the folder on its path.
"""

from __future__ import annotations

import fcntl
import sys
import zipfile
from pathlib import Path

PACKAGE = "preprocess"


def importable(package: str) -> None:
    """Have `import preprocess` work: `package` is its zip, or a folder that holds it."""
    folder = Path(package)
    if folder.is_file():
        folder = _unpacked(folder)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _unpacked(archive: Path) -> Path:
    folder = archive.with_suffix("")
    done = folder / ".complete"
    if done.exists():
        return folder
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the processes of an instance start together
        if not done.exists():
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(folder)
            done.touch()
    return folder
