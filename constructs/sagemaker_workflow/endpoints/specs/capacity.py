"""What an endpoint runs on, as values. Ranges are in `limits`; [T] may be a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Instances:
    """Machines that are always there.

    - `instance_type` [T], `count` [T]: two by default, so that one can fail and a canary is
      possible. `allowed_types`: what an `instance_type` parameter may become; each is checked.
    - `volume_gb`: storage per instance. Default: the service's choice.
    - `ami_version`: images built on CUDA 13 need a newer one than the default (contracts 3.3).
    - `startup_timeout_seconds`, `download_timeout_seconds`: how long a container may take to
      answer /ping, and the artifacts to arrive, before the deployment is given up.
    """

    instance_type: str = "ml.m5.xlarge"
    count: int = 2
    allowed_types: Sequence[str] = ()
    volume_gb: int | None = None
    ami_version: str | None = None
    startup_timeout_seconds: int = 600
    download_timeout_seconds: int = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Serverless:
    """Machines that come with the requests: no GPU, no VPC, 4 MB and 60 s a request.

    `memory_mb` [T] in steps of 1024; `max_concurrency` [T] requests at once, more are throttled;
    `provisioned_concurrency` [T] of them kept warm, and paid for.
    """

    memory_mb: int = 2048
    max_concurrency: int = 5
    provisioned_concurrency: int | None = None
