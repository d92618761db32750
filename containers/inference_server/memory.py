"""What loading a model needed and serving it does not is given back."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import sys
from pathlib import Path

_MADV_DONTNEED = 4
_WORTH_IT = 1024**2


def resident() -> int:
    """The bytes of memory this process holds now."""
    if sys.platform == "linux":
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def settle() -> None:
    """Free memory is the system's again, and so are the pages of libraries that only loading read.

    Code is mapped from files and never written to: a page that is needed after all is mapped again
    from the page cache. ONNX Runtime alone touches 15 MB of code to read one model.
    """
    gc.collect()
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # not in every libc
        libc.malloc_trim(0)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, permissions, *_, name = line.split(maxsplit=5)
        start, end = (int(one, 16) for one in addresses.split("-"))
        if permissions == "r-xp" and name.startswith("/") and end - start > _WORTH_IT:
            libc.madvise(start, end - start, _MADV_DONTNEED)
