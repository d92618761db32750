"""Components that follow their endpoint to the instances of another configuration.

What the service does with components when UpdateEndpoint changes the instances below them is not
documented (contracts.md 3.4 and 3.6 are silent): nothing is refused here for that, copies start
on the new instances before the old ones go, and what does not fit rolls the endpoint back.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from local_aws.runtime.containers import RuntimeFailure
from local_aws.sagemaker import store
from local_aws.sagemaker.deployment.endpoint import Endpoint
from local_aws.sagemaker.deployment.fleet import Fleet
from local_aws.sagemaker.errors import ServiceError
from local_aws.sagemaker.inference_components.component import BUSY, Component, Copy, on
from local_aws.sagemaker.inference_components.copies import grow, retire
from local_aws.sagemaker.inference_components.pool import Pool
from local_aws.sagemaker.inference_components.revision import Revision


class Relocation:
    """The way of an endpoint's components from one fleet to another, and back."""

    def __init__(self, endpoint: Endpoint, new: Fleet, config: Mapping[str, Any]) -> None:
        self._endpoint, self._config = endpoint, config
        self._pools = {name: slot.pool for name, slot in new.slots.items() if slot.pool}
        self._moving: list[tuple[Component, Revision]] = []

    def start(self) -> None:
        """As many copies as before are healthy on the new instances, beside the old ones."""
        for component in on(self._endpoint):
            if not _begin(component):
                continue
            moved = self._under_the_new_role(component.revision)
            self._moving.append((component, moved))
            pool = self._pools.get(component.variant_name)
            if pool is None or not component.copies:
                continue
            fault = pool.fault(moved.need)
            if fault:
                raise RuntimeFailure(f"Inference component {component.name}: {fault}")
            grow(component, moved, len(component.copies), pool=pool)

    def settle(self) -> None:
        """No copy is left on the old instances."""
        for component, moved in self._moving:
            retire(component, [c for c in component.copies if not self._is_new(c)])
            component.revision = moved
            component.move("InService")

    def back(self) -> None:
        """No copy is left on the new instances."""
        for component, _ in self._moving:
            retire(component, [c for c in component.copies if self._is_new(c)])
            component.move("InService")

    def _is_new(self, copy: Copy) -> bool:
        pool: Pool = copy.pool_of_instances
        return any(pool is new for new in self._pools.values())

    def _under_the_new_role(self, revision: Revision) -> Revision:
        role = self._config.get("ExecutionRoleArn", revision.container.role_arn)
        container = dataclasses.replace(revision.container, role_arn=role)
        return dataclasses.replace(revision, container=container)


def _begin(component: Component) -> bool:
    """Whether the component is now busy with the move, after what it was busy with."""
    while True:
        store.wait_until(lambda: component.status not in BUSY, stopped=component.stop.is_set)
        if component.status == "Failed" or component.stop.is_set():
            return False
        try:
            component.begin("UPDATE", "Updating")
        except ServiceError:
            continue  # somebody else was faster
        return True
