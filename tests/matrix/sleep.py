"""A component that nobody asks goes down to zero copies; who asks again wakes it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from deployment import Deployment
from shape import Shape
from support.load import Failure, Report, constant_load

# contracts 3.4: what a component without a copy answers.
NO_CAPACITY = "Inference Component has no capacity to process this request."
_SLEEP_SECONDS = 180.0
_WAKE_SECONDS = 90.0
_AFTER_REQUESTS = 60


@dataclass(frozen=True, kw_only=True)
class Slept:
    """What requests met that came while there was no copy."""

    report: Report
    documented: int  # refusals as the service documents them
    others: list[Failure]

    @property
    def cell(self) -> str:
        return f"asleep, {self.documented} of {self.report.sent} refused as documented"


def slept(deployment: Deployment, shape: Shape, *, rate: float) -> Slept:
    """The component slept, and answers again to a load that never stopped asking."""
    deployment.scaled_to(shape, 0, within=_SLEEP_SECONDS)
    deadline = time.monotonic() + _WAKE_SECONDS
    header = {"X-Amzn-SageMaker-Inference-Component": shape.component}
    with constant_load(
        shape.name, server=deployment.aws, body=b"x", rate=rate, headers=header
    ) as load:
        while load.report.succeeded < _AFTER_REQUESTS and time.monotonic() < deadline:
            time.sleep(0.1)
    failed = load.report.failed
    others = [one for one in failed if one.status != 400 or NO_CAPACITY not in one.text]
    return Slept(report=load.report, documented=len(failed) - len(others), others=others)
