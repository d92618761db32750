"""What is registered: scalable targets, their policies and what was done for them."""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local_aws.autoscaling.errors import not_registered

NAMESPACE = "sagemaker"
Key = tuple[str, str]
"""Resource id and scalable dimension: one target each."""


@dataclass(kw_only=True, slots=True)
class Policy:
    """A scaling policy as DescribeScalingPolicies shows it, and when it last acted."""

    name: str
    arn: str
    kind: str
    configuration: dict[str, Any]
    created: datetime
    alarms: list[dict[str, str]] = field(default_factory=list)
    last_out: float = float("-inf")
    last_in: float = float("-inf")


@dataclass(kw_only=True, slots=True)
class ScheduledAction:
    """A scheduled action; times in seconds since the epoch, `next_run` None when it is over."""

    name: str
    arn: str
    schedule: str
    zone: str | None
    start: float | None
    end: float | None
    bounds: dict[str, int]
    created: datetime
    next_run: float | None = None


@dataclass(kw_only=True, slots=True)
class Target:
    """A scalable target; `policies` and `scheduled` actions by name."""

    resource_id: str
    dimension: str
    arn: str
    role_arn: str
    minimum: int
    maximum: int
    created: datetime
    suspended: dict[str, bool]
    tags: dict[str, str] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    scheduled: dict[str, ScheduledAction] = field(default_factory=dict)


@dataclass(slots=True)
class Store:
    """Everything the service remembers; take `lock` to look and change in one step."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    targets: dict[Key, Target] = field(default_factory=dict)
    activities: list[dict[str, Any]] = field(default_factory=list)

    def target(self, resource_id: str, dimension: str) -> Target:
        """The registered target; raises ObjectNotFoundException when there is none."""
        found = self.targets.get((resource_id, dimension))
        if found is None:
            raise not_registered(NAMESPACE, resource_id, dimension)
        return found

    def policy(self, arn: str) -> tuple[Target, Policy] | None:
        """The policy with this ARN and the target it scales."""
        for target in list(self.targets.values()):
            for policy in list(target.policies.values()):
                if policy.arn == arn:
                    return target, policy
        return None


STORE = Store()
