"""AWS-managed images, from the committed lock file: no SDK, no network during synth."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Scope = Literal["inference", "training", "processing"]
Processor = Literal["cpu", "gpu"]
LOCK = Path(__file__).with_name("images.lock.json")
UNRESOLVED = "unresolved"


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagedImage:
    """One image in one region. `digest` is `sha256:...`, or `unresolved` while nobody looked."""

    uri: str
    digest: str

    @property
    def pinned_uri(self) -> str:
        """The URI by digest when the digest is known, by its tag otherwise."""
        if self.digest == UNRESOLVED:
            return self.uri
        return f"{self.uri.rsplit(':', 1)[0]}@{self.digest}"


def managed_image(
    framework: str, version: str, *, region: str, scope: Scope, processor: Processor
) -> ManagedImage:
    """The image in the lock; ValueError with what there is when it is not in it."""
    entries = _lock()
    wanted = (framework, version, scope, processor)
    regions = entries.get(wanted)
    if regions is None:
        near = [key for key in entries if key[0] == framework] or list(entries)
        listed = "; ".join(" ".join(key) for key in near)
        raise ValueError(
            f"managed image: {' '.join(wanted)} is not in {LOCK.name}, there is: {listed}: choose "
            "one of these, or add it to ops/images.py and run `python -m ops.images refresh`"
        )
    if region not in regions:
        raise ValueError(
            f"managed image: {' '.join(wanted)} is not locked for region {region!r}, there is "
            f"{', '.join(sorted(regions))}: deploy to one of these, or add the region to "
            "ops/images.py and run `python -m ops.images refresh`"
        )
    return regions[region]


@functools.cache
def _lock() -> dict[tuple[str, str, str, str], dict[str, ManagedImage]]:
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    return {
        (image["framework"], image["version"], image["scope"], image["processor"]): {
            region: ManagedImage(uri=entry["uri"], digest=entry["digest"])
            for region, entry in image["regions"].items()
        }
        for image in lock["images"]
    }
