"""Capacity changed for a target: by its bounds, by its policies' alarms."""

import logging
import uuid
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from local_aws.autoscaling import capacity
from local_aws.autoscaling.store import NAMESPACE, STORE, Target

log = logging.getLogger("local_aws.autoscaling")

_KEPT_ACTIVITIES = 500


def bring_within_bounds(target: Target, *, cause: str = "the scalable target's new bounds") -> None:
    """Capacity outside the target's bounds is brought to the nearer one, as on registration."""
    now = capacity.read(target.resource_id, target.dimension)
    if now.settled and not target.minimum <= now.desired <= target.maximum:
        nearer = min(max(now.desired, target.minimum), target.maximum)
        change(target, now.desired, nearer, cause)


def change(target: Target, before: int, after: int, cause: str) -> bool:
    """Ask for the capacity and record an activity; whether SageMaker took it."""
    started = datetime.now(UTC)
    record: dict[str, Any] = {
        "ActivityId": str(uuid.uuid4()),
        "ServiceNamespace": NAMESPACE,
        "ResourceId": target.resource_id,
        "ScalableDimension": target.dimension,
        "Description": f"Setting desired capacity to {after}.",
        "Cause": cause,
        "StartTime": started.timestamp(),
    }
    try:
        capacity.write(target.resource_id, target.dimension, after)
    except ClientError as error:
        log.warning("%s was not scaled from %s to %s: %s", target.resource_id, before, after, error)
        outcome = {"StatusCode": "Failed", "StatusMessage": f"Failed to set capacity: {error}"}
    else:
        log.info("%s scaled from %s to %s: %s", target.resource_id, before, after, cause)
        outcome = {
            "StatusCode": "Successful",
            "StatusMessage": f"Successfully set desired capacity to {after}.",
        }
    record |= {**outcome, "EndTime": datetime.now(UTC).timestamp()}
    with STORE.lock:
        STORE.activities.append(record)
        del STORE.activities[:-_KEPT_ACTIVITIES]
    return outcome["StatusCode"] == "Successful"
