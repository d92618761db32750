"""The GPUs of instance types, from the committed lock file (`python -m ops.images refresh`)."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

LOCK = Path(__file__).with_name("gpus.lock.json")
GIB = 1024**3


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpus:
    """What one instance has: how many GPUs, and the memory of all of them together, in MiB."""

    count: int
    memory_mib: int

    @property
    def each_gib(self) -> float:
        """Memory of one GPU, in GiB."""
        return self.memory_mib / self.count / 1024


@functools.cache
def gpus() -> dict[str, Gpus]:
    """Every instance type whose GPUs are known; the SDK's table does not have the newest."""
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    return {name: Gpus(**one) for name, one in lock["types"].items()}
