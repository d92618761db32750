"""How large an object the function takes, from how fast it was measured to be.

`largest_object()` is pure: it decides at synth where an object is routed, and the function
refuses by the same number what reaches it all the same.
"""

from __future__ import annotations

MIB = 1 << 20
# MB of raw CSV a second and core: benchmarks/preprocessing/compare.py, 323 MB on two cores that
# other work kept busy (12.9 MB/s; 28 MB a second of CPU). Other tables are wider.
MEASURED_MB_PER_SECOND_AND_CORE = 6.4
SAFETY = 1.5
MEMORY_PER_CORE_MB = 1769  # Lambda gives one vCPU for as much memory ("Configure memory")
MOST_CORES = 2.0  # what the engine keeps busy
EXPANSION = 8  # how many bytes a packed byte (gzip, Parquet) is planned as


def cores(memory_mb: int) -> float:
    """Return the vCPUs of a function of so much memory that the engine uses."""
    return min(memory_mb / MEMORY_PER_CORE_MB, MOST_CORES)


def largest_object(*, timeout_seconds: float, memory_mb: int, packed: bool = False) -> int:
    """Return the size in bytes of the largest object to send to the function.

    Memory and disk do not bound it (both stay the same for any size); time does.
    """
    speed = MEASURED_MB_PER_SECOND_AND_CORE * cores(memory_mb) / SAFETY
    size = int(speed * timeout_seconds * 1_000_000)
    return size // EXPANSION if packed else size
