"""What is wrong with an endpoint that queues: failures, lost requests, a queue nobody works on."""

from __future__ import annotations

from sagemaker_workflow.endpoints.alarms import AlarmSpec, error_alarm, latency_alarm
from sagemaker_workflow.endpoints.specs import Rollout

# Waking from zero takes some ten minutes with a large image; after that nobody is coming.
STUCK = AlarmSpec(
    id="Stuck",
    metric="HasBacklogWithoutCapacity",
    statistic="Average",
    threshold=1,
    says="requests wait, and for half an hour there was no machine to take them",
    minutes=30,
    per_variant=False,
)


def old(seconds: int) -> AlarmSpec:
    """A request waits too long, whatever the reason."""
    return AlarmSpec(
        id="Old",
        metric="ApproximateAgeOfOldestRequest",
        statistic="Maximum",
        threshold=seconds,
        says=f"a request waits longer than {seconds} seconds",
        minutes=5,
        per_variant=False,
    )


def request_alarms(rollout: Rollout) -> list[AlarmSpec]:
    """Not Invocations and 5xx: the service does not publish those here (contracts 5.5)."""
    alarms = [
        error_alarm("Failures", "InvocationFailures", rollout.max_errors, "requests end in error"),
        error_alarm("Expired", "ExpiredRequests", 1, "a request waited too long and is lost"),
    ]
    # What is long for an asynchronous model only its owner knows.
    return [*alarms, *([latency_alarm(rollout.max_latency_ms)] if rollout.max_latency_ms else [])]
