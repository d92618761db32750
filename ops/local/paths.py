"""Where `make local` keeps what it needs to know; everything is under one ignored folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ops.settings import ROOT


@dataclass(frozen=True, kw_only=True, slots=True)
class Paths:
    """The files of one local AWS."""

    home: Path

    @property
    def lock(self) -> Path:
        """Held while a `make local` or `make local-down` works."""
        return self.home / "lock"

    @property
    def state(self) -> Path:
        """The server's own folder: server.json when it is ready, its working files."""
        return self.home / "aws"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.home / "aws" / "server.log"

    @property
    def record(self) -> Path:
        """Which process we started, written before it is ready."""
        return self.home / "server.pid.json"

    @property
    def cdk_home(self) -> Path:
        """The CDK CLI's cache, kept out of the person's home."""
        return self.home / "cdk"

    @property
    def assembly(self) -> Path:
        """The synthesised app that is being deployed."""
        return self.home / "cdk.out"

    @property
    def samples(self) -> Path:
        """The sample data and the requests made from it."""
        return self.home / "samples"


def paths() -> Paths:
    """The files of this checkout's local AWS; WORKFLOW_LOCAL_HOME moves them (tests do)."""
    return Paths(home=Path(os.environ.get("WORKFLOW_LOCAL_HOME") or ROOT / ".local"))
