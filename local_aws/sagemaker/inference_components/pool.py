"""The instances of a variant that names no model: components' copies are placed on them."""

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws import adapter
from local_aws.runtime.containers import RuntimeFailure
from local_aws.sagemaker import store
from local_aws.sagemaker.inference_components.hardware import Hardware, hardware

NO_ROOM = (
    "There is not enough hardware resources on the instances for this endpoint to create a copy of "
    "the inference component."
)
# Without a ScaleInPolicy the service waits as long as it likes; ten minutes is about what is seen.
_IDLE_SECONDS = 600


@dataclass(kw_only=True, slots=True, eq=False)
class Instance:
    """One simulated instance and what copies hold of it, by copy and component."""

    id: str
    held: dict[str, tuple[str, Hardware]] = field(default_factory=dict)
    idle_since: float = 0.0

    def free(self, whole: Hardware) -> Hardware:
        for _, need in self.held.values():
            whole = whole.less(need)
        return whole

    def copies_of(self, component: str) -> int:
        return sum(owner == component for owner, _ in self.held.values())


class Pool:
    """Instances, added and removed within the bounds of managed instance scaling.

    It stands where a variant with a model has its containers, so it starts, scales and stops.
    """

    def __init__(self, variant: Mapping[str, Any], count: int, role_arn: str) -> None:
        self.variant = dict(variant)
        self.instance_type: str = variant["InstanceType"]
        self.role_arn = role_arn
        self.hardware = hardware(self.instance_type)
        scaling = variant.get("ManagedInstanceScaling") or {}
        self.managed = scaling.get("Status") == "ENABLED"
        self.least: int = scaling.get("MinInstanceCount", count)
        self.most: int = scaling.get("MaxInstanceCount", max(count, self.least))
        policy = scaling.get("ScaleInPolicy") or {}
        self._idle_seconds = 60.0 * policy.get("CooldownInMinutes", _IDLE_SECONDS / 60)
        self._step: int = policy.get("MaximumStepSize", 1)
        self._count = count
        self._removed = float("-inf")
        self.instances: list[Instance] = []
        self.counted: Callable[[int], None] = lambda _count: None

    def start(self, stop: threading.Event) -> None:
        """The first instances are there; nothing runs on them yet."""
        self.scale(self._count)

    def scale(self, count: int) -> None:
        """As many instances as asked for, and those that copies are on."""
        with store.changed:
            while len(self.instances) < count:
                self._add()
            idle = [i for i in self.instances if not i.held]
            self._remove(idle[: len(self.instances) - count])

    def stop(self) -> None:
        """No instance is left."""
        with store.changed:
            self._remove(list(self.instances))

    def reserve(self, copy_id: str, component: str, need: Hardware, *, binpack: bool) -> str:
        """The instance a copy is placed on; RuntimeFailure when it fits on none, nor a new one."""
        with store.changed:
            instance = self._place(component, need, binpack=binpack)
            if instance is None:
                raise RuntimeFailure(NO_ROOM)
            instance.held[copy_id] = (component, need)
            return instance.id

    def release(self, copy_id: str) -> None:
        """The copy holds nothing any more."""
        with store.changed:
            for instance in self.instances:
                if instance.held.pop(copy_id, None) and not instance.held:
                    instance.idle_since = store.now()

    def shrink(self) -> None:
        """Instances that were idle for long enough are gone, down to the least."""
        if not self.managed:
            return
        wait = adapter.scaled(self._idle_seconds)
        with store.changed:
            now = store.now()
            idle = [i for i in self.instances if not i.held and now - i.idle_since >= wait]
            surplus = min(len(self.instances) - self.least, self._step)
            if surplus > 0 and idle and now - self._removed >= wait:
                self._remove(idle[:surplus])
                self._removed = now

    def fault(self, need: Hardware) -> str | None:
        """Why a copy could never be placed here; None when an empty instance would hold it."""
        if self.hardware is None:
            return (
                f"the local AWS does not know what an instance of type {self.instance_type} holds, "
                "so it cannot place copies on it"
            )
        if not self.hardware.holds(need):
            return (
                f"{NO_ROOM} A copy needs {need}; an instance of type {self.instance_type} has "
                f"{self.hardware}"
            )
        return None

    def _place(self, component: str, need: Hardware, *, binpack: bool) -> Instance | None:
        whole = self.hardware
        if whole is None:
            return None
        fitting = [i for i in self.instances if i.free(whole).holds(need)]
        if fitting and binpack:
            return min(fitting, key=lambda i: i.free(whole).memory_mb)
        if fitting:
            return min(fitting, key=lambda i: (i.copies_of(component), len(i.held)))
        if self.managed and len(self.instances) < self.most and whole.holds(need):
            return self._add()
        return None

    def _add(self) -> Instance:
        made = Instance(id=f"i-{secrets.token_hex(8)}0", idle_since=store.now())
        self.instances.append(made)
        self.counted(len(self.instances))
        return made

    def _remove(self, leaving: list[Instance]) -> None:
        ids = {instance.id for instance in leaving}
        self.instances = [i for i in self.instances if i.id not in ids]
        self.counted(len(self.instances))
