"""Baking: waiting while the alarms of a deployment are watched."""

import threading
from collections.abc import Sequence

from local_aws import adapter
from local_aws.runtime.containers import RuntimeFailure
from local_aws.sagemaker import store
from local_aws.sagemaker.deployment.budget import EXCEEDED

_POLL_SECONDS = 10.0  # of the service's time: no alarm can come and go between two looks
_LEAST_POLL_SECONDS = 0.1


def bake(
    seconds: float,
    alarms: Sequence[str],
    *,
    role_arn: str,
    deadline: float,
    stop: threading.Event,
    what: str = "endpoint",
) -> None:
    """Return when the wait is over; RuntimeFailure when an alarm fires or time runs out.

    The alarms are looked at with the model's role, which needs cloudwatch:DescribeAlarms
    (contracts.md 3.6). At least one look is taken, however short the wait.
    """
    end = store.now() + adapter.scaled(seconds)
    poll = max(_LEAST_POLL_SECONDS, min(adapter.scaled(_POLL_SECONDS), 1.0))
    while True:
        look(alarms, role_arn=role_arn, what=what)
        now = store.now()
        if now > deadline:
            raise RuntimeFailure(EXCEEDED)
        if now >= end:
            return
        if stop.wait(min(poll, end - now)):
            raise RuntimeFailure("The deployment was stopped.")


def look(alarms: Sequence[str], *, role_arn: str, what: str = "endpoint") -> None:
    """Return when no alarm fires; RuntimeFailure naming those that do."""
    firing = _firing(alarms, role_arn)
    if firing:
        raise RuntimeFailure(
            f"One or more alarms went off during the deployment: {', '.join(firing)}. "
            f"The {what} was rolled back to its previous configuration."
        )


def _firing(names: Sequence[str], role_arn: str) -> list[str]:
    if not names:
        return []
    cloudwatch = adapter.client("cloudwatch", role_arn=role_arn)
    found = cloudwatch.describe_alarms(AlarmNames=list(names))
    states = {
        alarm["AlarmName"]: alarm["StateValue"]
        for kind in ("MetricAlarms", "CompositeAlarms")
        for alarm in found.get(kind, [])
    }
    missing = [name for name in names if name not in states]
    if missing:
        raise RuntimeFailure(f"The rollback alarm does not exist: {', '.join(missing)}")
    return [name for name in names if states[name] == "ALARM"]
