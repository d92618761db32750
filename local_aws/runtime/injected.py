"""Misfortunes that SageMaker has and a single machine does not: asked for by the environment.

`LOCAL_AWS_SPOT_INTERRUPTIONS=3,10` interrupts each managed spot training job twice: 3 seconds after
its training began, and 10 seconds after it began again. `LOCAL_AWS_CAPACITY_ERRORS=2` fails the
first two training jobs of this server for lack of capacity. Describe tells of both as of the real
thing; nothing happens where neither is set.
"""

from __future__ import annotations

import itertools
import os

SPOT = "LOCAL_AWS_SPOT_INTERRUPTIONS"
CAPACITY = "LOCAL_AWS_CAPACITY_ERRORS"
_jobs = itertools.count(1)


def spot_interruptions() -> list[float]:
    """Return after how many seconds each run of a spot job is interrupted, one after the other."""
    return [float(text) for text in os.environ.get(SPOT, "").split(",") if text.strip()]


def capacity_error() -> str | None:
    """Return the reason why this job gets no instances, or None when it gets them."""
    lacking = int(os.environ.get(CAPACITY) or 0)
    if not lacking or next(_jobs) > lacking:
        return None
    return (
        "CapacityError: Unable to provision requested ML compute capacity. Please retry using a"
        f" different ML instance type or at a later time ({CAPACITY}={lacking})."
    )
