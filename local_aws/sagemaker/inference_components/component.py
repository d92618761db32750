"""A live inference component: its status, its copies, what DescribeInferenceComponent says."""

import copy
import random
import secrets
import threading
from dataclasses import dataclass
from typing import Any

from local_aws.runtime import hosting
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.logs import component_group
from local_aws.sagemaker import store
from local_aws.sagemaker.arns import arn
from local_aws.sagemaker.deployment.endpoint import Endpoint
from local_aws.sagemaker.deployment.fleet import Slot
from local_aws.sagemaker.errors import invalid
from local_aws.sagemaker.inference_components.pool import Pool
from local_aws.sagemaker.inference_components.revision import Revision

BUSY = ("Creating", "Updating", "Deleting")


@dataclass(kw_only=True, slots=True, eq=False)
class Copy(Slot):
    """One running copy; it answers requests as a variant with a single container does.

    `count` is how many copies there were when it was picked.
    """

    component_name: str
    id: str
    pool_of_instances: Pool
    instance_id: str
    revision: Revision


class Component:
    """Everything about one inference component. Fields change only under `store.lock`."""

    def __init__(self, name: str, endpoint: Endpoint, variant_name: str, first: Revision) -> None:
        self.name = name
        self.arn = arn("inference-component", name)
        self.endpoint = endpoint
        self.variant_name = variant_name
        self.revision = first
        self.status = "Creating"
        self.task = "CREATE"  # what it is busy with, as its refusals call it
        self.failure_reason: str | None = None
        self.created = self.modified = store.now()
        self.desired = 0
        self.copies: list[Copy] = []
        self.peak = 0
        self.deployment_config: dict[str, Any] | None = None
        self.stop = threading.Event()

    @property
    def pool(self) -> Pool:
        """The instances its copies are placed on; RuntimeFailure when they are gone."""
        routes = self.endpoint.routes
        slot = self.endpoint.fleet.slots.get(self.variant_name) if routes else None
        if slot is None or slot.pool is None:
            raise RuntimeFailure(
                f"Endpoint {self.endpoint.name} has no variant {self.variant_name} to hold copies."
            )
        return slot.pool

    def begin(self, task: str, status: str) -> None:
        """The component is busy; refused while it is busy with something else."""
        with store.changed:
            if self.status in BUSY:
                verb = {"DELETE": "delete"}.get(task, "update")
                raise invalid(
                    f'Cannot {verb} inference component "{self.arn}" while it is in state '
                    f"{self.task}_IN_PROGRESS."
                )
            self.task, self.status, self.modified = task, status, store.now()
            store.changed.notify_all()

    def move(self, status: str, reason: str | None = None) -> None:
        """The component has the status, and whoever waits for it knows."""
        with store.changed:
            self.status, self.failure_reason, self.modified = status, reason, store.now()
            store.changed.notify_all()

    def pick(self) -> Copy | None:
        """The copy for the next request, held until the endpoint releases it; None without any."""
        with store.lock:
            if not self.copies or self.status == "Deleting":
                return None
            # One whose container just died comes back by itself; the others answer meanwhile.
            able = [copy for copy in self.copies if copy.variant.running] or self.copies
            routing = able[0].config.get("RoutingConfig", {})
            if routing.get("RoutingStrategy", "RANDOM") == "RANDOM":
                picked = random.choice(able)  # noqa: S311  a load balancer, not a secret
            else:
                picked = min(able, key=lambda candidate: candidate.busy)
            picked.busy += 1
            picked.count = len(self.copies)
            self.peak = max(self.peak, sum(c.busy for c in self.copies))
            return picked

    def new_copy(self, revision: Revision, pool: Pool) -> Copy:
        """A copy placed on an instance, not yet started; RuntimeFailure when there is no room."""
        copy_id = secrets.token_hex(8)
        instance = pool.reserve(copy_id, self.name, revision.need, binpack=revision.binpack)
        spec = hosting.VariantSpec(
            endpoint_name=self.endpoint.name,
            variant_name=self.variant_name,
            container=revision.container,
            kind="instance",
            instance_type=pool.instance_type,
            count=1,
            memory_mb=None,
            max_concurrency=None,
            startup_timeout_seconds=revision.startup_seconds,
            log_group=component_group(self.name),
        )
        return Copy(
            config=pool.variant,
            image=revision.image,
            variant=hosting.Variant(spec),
            weight=1.0,
            count=1,
            desired_weight=1.0,
            desired_count=1,
            desired_serverless={},
            component_name=self.name,
            id=copy_id,
            pool_of_instances=pool,
            instance_id=instance,
            revision=revision,
        )

    def describe(self) -> dict[str, Any]:
        """The DescribeInferenceComponent response."""
        with store.lock:
            described = {
                "InferenceComponentName": self.name,
                "InferenceComponentArn": self.arn,
                "EndpointName": self.endpoint.name,
                "EndpointArn": self.endpoint.arn,
                "VariantName": self.variant_name,
                "FailureReason": self.failure_reason,
                **self.revision.described(),
                "RuntimeConfig": {
                    "DesiredCopyCount": self.desired,
                    "CurrentCopyCount": len(self.copies),
                },
                "CreationTime": self.created,
                "LastModifiedTime": self.modified,
                "InferenceComponentStatus": self.status,
                "LastDeploymentConfig": self.deployment_config,
            }
            return copy.deepcopy({k: v for k, v in described.items() if v is not None})


def require(name: str) -> Component:
    """The component of that name, in any case of letters, as the control plane takes it."""
    found: Component | None = store.inference_components.get(name.lower())
    if found is None:
        raise invalid(f'Could not find inference component "{arn("inference-component", name)}".')
    return found


def on(endpoint: Endpoint) -> list[Component]:
    """The components that live on the endpoint."""
    return [c for c in store.inference_components if c.endpoint is endpoint]
