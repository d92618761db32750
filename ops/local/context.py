"""What the stages of a `make local` hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.local import server
from ops.local.paths import Paths
from ops.settings import Deployment
from ops.ui import Screen
from ops.upload import Ingested


@dataclass(kw_only=True)
class Run:
    """One run of the loop: who it is for, and what it has found so far."""

    deployment: Deployment
    screen: Screen
    where: Paths
    rows: int | None = None
    enforce: bool = False
    time_factor: float = server.TIME_FACTOR
    port: int | None = None
    engine: str | None = None  # podman or docker; None: containers run as processes
    sample: Path | None = None  # the person's own file, or the sample once it is made
    ingested: Ingested | None = None
    package: dict[str, Any] | None = None
    endpoints: dict[str, str] = field(default_factory=dict)
    ready: bool = False
