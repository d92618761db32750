"""Memory that is given back is kept for the next piece: asking the system anew costs more.

A piece of the object is several megabytes of bytes and as much of columns. By their defaults the C
library and polars' jemalloc return such blocks to the system at once, which then clears every page
of the next ones: half of the time spent in the system, a tenth of all, and a higher peak, because
each thread keeps its own. To be imported before polars, which reads its part when it is loaded.
"""

from __future__ import annotations

import ctypes
import os

from preprocess.limits import MIB

# Two arenas, which keep what is free for a minute: https://jemalloc.net/jemalloc.3.html#tuning
JEMALLOC = "narenas:2,dirty_decay_ms:60000,muzzy_decay_ms:60000"
# By the names of malloc.h, see mallopt(3).
_ARENA_MAX, _MMAP_THRESHOLD, _TOP_PAD, _TRIM_THRESHOLD = -8, -3, -2, -1
MALLOC = {
    _ARENA_MAX: 1,
    _MMAP_THRESHOLD: 64 * MIB,
    _TOP_PAD: 32 * MIB,
    _TRIM_THRESHOLD: 256 * MIB,
}


def keep() -> None:
    """Have both keep what is free, where the system's C library can be told so."""
    os.environ.setdefault("_RJEM_MALLOC_CONF", JEMALLOC)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in MALLOC.items():
            mallopt(parameter, value)


keep()
