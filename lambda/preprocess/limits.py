"""How large an object the function takes, from how fast it was measured to be.

`largest_object()` is pure: it decides at synth where an object is routed, and the function
refuses by the same number what reaches it all the same.
"""

from __future__ import annotations

MIB = 1 << 20
# MB of raw CSV a second of CPU for the slowest table measured: every text quoted, times, a split
# by time, CSV to write; on two cores that ten times as much work wanted. The table of
# benchmarks/preprocessing/compare.py is read at 53 (968 MB, as busy).
MEASURED_MB_PER_SECOND_AND_CORE = 16.0
SAFETY = 2.0  # for what files do not cost and S3 does: TLS, digests, waiting
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
