"""A component coming up, changing and going. Each runs in a thread of its own."""

from collections.abc import Mapping
from typing import Any

from local_aws import adapter
from local_aws.sagemaker import store, tags
from local_aws.sagemaker.deployment import alarms
from local_aws.sagemaker.inference_components import rolling
from local_aws.sagemaker.inference_components.component import Component, Copy, on
from local_aws.sagemaker.inference_components.copies import grow, retire
from local_aws.sagemaker.inference_components.revision import Revision
from local_aws.sagemaker.threads import reason_of


def create(component: Component) -> None:
    """The component is InService with all its copies, or Failed with the reason and none."""
    reason = reason_of(lambda: grow(component, component.revision, component.desired))
    if reason:
        retire(component, component.copies)
    component.move("Failed" if reason else "InService", reason)


def scale(component: Component) -> None:
    """As many copies as desired run, or as many as found room, with the reason."""

    def work() -> None:
        surplus = len(component.copies) - component.desired
        if surplus > 0:
            retire(component, component.copies[-surplus:])
        else:
            grow(component, component.revision, -surplus)

    reason = reason_of(work)
    with store.lock:
        component.desired = len(component.copies)
    component.move("InService", reason)


def update(
    component: Component, new: Revision, count: int, deployment: Mapping[str, Any] | None
) -> None:
    """The copies run the new revision, or the old one again with the reason."""
    old, before = component.revision, list(component.copies)
    policy = (deployment or {}).get("RollingUpdatePolicy", {})

    def forward() -> None:
        _roll(component, new, count, policy=policy, watched=_alarms(deployment))

    reason = reason_of(forward)
    if reason is None:
        with store.lock:
            component.revision = new
        component.move("InService")
        return
    size = rolling.batch(policy.get("RollbackMaximumBatchSize"), len(before))
    undone = reason_of(lambda: _roll_back(component, old, len(before), size))
    with store.lock:
        component.desired = len(component.copies)
    if undone:
        component.move("Failed", f"{reason} Its rollback failed too: {undone}")
    else:
        component.move("InService", reason)


def delete(component: Component) -> None:
    """Nothing of the component is left."""
    component.stop.set()
    retire(component, component.copies)
    tags.detach(component.arn)
    store.inference_components.remove(component.name.lower())


def abandon(endpoint: Any) -> None:
    """The endpoint's instances are going: no copy runs on them, though the components stay.

    contracts.md 3.4: deleting the endpoint leaves its components.
    """
    for component in on(endpoint):
        component.stop.set()
        retire(component, component.copies)


def _roll(
    component: Component,
    new: Revision,
    count: int,
    *,
    policy: Mapping[str, Any],
    watched: list[str],
) -> None:
    """Batch by batch: new copies are healthy before as many old ones leave, then alarms bake."""
    old = list(component.copies)
    size = rolling.batch(policy.get("MaximumBatchSize"), max(count, len(old)))
    seconds = policy.get("MaximumExecutionTimeoutInSeconds", rolling.TIMEOUT_SECONDS)
    deadline = store.now() + adapter.scaled(seconds)
    made = 0
    while made < count:
        step = min(size, count - made)
        grow(component, new, step)
        made += step
        leaving, old = old[:step], old[step:]
        retire(component, leaving)
        if policy:
            alarms.bake(
                policy["WaitIntervalInSeconds"],
                watched,
                role_arn=new.container.role_arn,
                deadline=deadline,
                stop=component.stop,
                what="inference component",
            )
    retire(component, old)


def _roll_back(component: Component, old: Revision, count: int, size: int) -> None:
    """As many copies of the old revision as before; the new ones leave as those come."""

    def of_old() -> list[Copy]:
        return [copy for copy in component.copies if copy.revision is old]

    while len(of_old()) < count:
        grow(component, old, min(size, count - len(of_old())))
        retire(component, [c for c in component.copies if c.revision is not old][:size])
    retire(component, [copy for copy in component.copies if copy.revision is not old])


def _alarms(deployment: Mapping[str, Any] | None) -> list[str]:
    rollback = (deployment or {}).get("AutoRollbackConfiguration", {})
    return [alarm["AlarmName"] for alarm in rollback.get("Alarms", [])]
