"""An endpoint coming up, changing to another configuration, and going. Each runs in a thread."""

from collections.abc import Mapping
from typing import Any

from local_aws.runtime.asynchronous import AsyncQueue
from local_aws.runtime.containers import RuntimeFailure
from local_aws.sagemaker import store, tags
from local_aws.sagemaker.deployment import alarms, notifications
from local_aws.sagemaker.deployment.budget import Budget
from local_aws.sagemaker.deployment.endpoint import Endpoint
from local_aws.sagemaker.deployment.fleet import Fleet, Kept
from local_aws.sagemaker.deployment.plan import Plan, Step
from local_aws.sagemaker.inference_components import work as component_work
from local_aws.sagemaker.inference_components.relocation import Relocation
from local_aws.sagemaker.threads import reason_of


def create(endpoint: Endpoint) -> None:
    """The endpoint is InService, or Failed with the reason."""

    def work() -> None:
        fleet = Fleet(endpoint.name, endpoint.config)
        with store.lock:
            endpoint.pending, endpoint.pending_since = fleet, store.now()
        endpoint.stage(fleet, "Creating")
        notifications.probe(endpoint.config, fleet.role_arn)
        fleet.start(endpoint.stop)
        _take_over(endpoint, fleet, endpoint.config)
        endpoint.set_capture(endpoint.config.get("DataCaptureConfig"))

    reason = reason_of(work)
    _staged(endpoint)
    endpoint.move("Failed" if reason else "InService", reason)


def update(
    endpoint: Endpoint,
    config: Mapping[str, Any],
    *,
    kept: Mapping[str, Kept],
    capture: Mapping[str, Any] | None,
    plan: Plan,
) -> None:
    """The endpoint serves the new configuration, or serves the old one and says why."""
    old = endpoint.fleet

    def work() -> None:
        budget = Budget(plan.timeout_seconds, endpoint.stop)
        new = Fleet(endpoint.name, config, kept)
        with store.lock:
            endpoint.pending, endpoint.pending_since = new, store.now()
        endpoint.stage(new, "Creating")
        notifications.probe(config, new.role_arn)
        _start(new, budget)
        components = Relocation(endpoint, new, config)
        try:
            alarms.look(plan.alarms, role_arn=new.role_arn)  # before anybody is sent there
            components.start()
            _shift(endpoint, old, new, plan, budget)
        except BaseException:
            with store.lock:
                endpoint.routes = [(old, 1.0)]
            endpoint.move("RollingBack")
            endpoint.stage(new, "Deleting")
            components.back()
            new.drain()
            new.stop()
            raise
        _take_over(endpoint, new, config)
        endpoint.set_capture(capture)
        components.settle()
        endpoint.stage(old, "Deleting")
        old.drain()
        old.stop()
        with store.lock:  # requests are being shared out
            endpoint.balancer.forget(old)

    reason = reason_of(work)
    _staged(endpoint)
    endpoint.move("InService", reason)


def scale(endpoint: Endpoint, wanted: Mapping[str, Kept]) -> None:
    """Counts and weights are as wanted, or as before with the reason."""

    slots = endpoint.fleet.all_slots
    before = {name: slots[name].count for name in wanted}

    def work() -> None:
        notifications.probe(endpoint.config, endpoint.fleet.role_arn)
        endpoint.stage(endpoint.fleet, "Updating")
        for name, target in wanted.items():
            slot = slots[name]
            if target.count is not None and target.count != slot.count:
                slot.variant.scale(target.count)
                with store.lock:  # instances that inference components are on stay
                    slot.count = len(slot.pool.instances) if slot.pool else target.count
        for name, target in wanted.items():  # traffic moves when the instances for it are there
            slot = slots[name]
            with store.lock:
                slot.weight = slot.weight if target.weight is None else target.weight
            if target.serverless:
                slot.config["ServerlessConfig"] = dict(slot.desired_serverless)
                slot.variant.limit(slot.desired_serverless["MaxConcurrency"])

    reason = reason_of(work)
    if reason:
        endpoint.move("RollingBack")
        reason_of(lambda: _unscale(endpoint.fleet, before))
    with store.lock:
        for slot in slots.values():
            slot.desired_count, slot.desired_weight = slot.count, slot.weight
            slot.desired_serverless = dict(slot.config.get("ServerlessConfig", {}))
    _staged(endpoint)
    endpoint.move("InService", reason)


def _unscale(fleet: Fleet, before: Mapping[str, int]) -> None:
    """Every variant has the count it had: one that cannot scale takes the others back with it."""
    for name, count in before.items():
        slot = fleet.all_slots[name]
        if slot.count != count:
            slot.variant.scale(count)
            with store.lock:
                slot.count = count


def delete(endpoint: Endpoint) -> None:
    """Nothing of the endpoint is left."""
    if endpoint.queue is not None:
        endpoint.queue.close()
    component_work.abandon(endpoint)
    for fleet, _ in endpoint.routes:
        fleet.drain()
        fleet.stop()
    endpoint.set_capture(None)
    tags.detach(endpoint.arn)
    store.endpoints.remove(endpoint.name.lower())


def _take_over(endpoint: Endpoint, fleet: Fleet, config: Mapping[str, Any]) -> None:
    """The fleet is the endpoint's own; an asynchronous one has a queue, which outlives fleets."""
    wanted = config.get("AsyncInferenceConfig")
    with store.lock:
        endpoint.routes, endpoint.config = [(fleet, 1.0)], dict(config)
        queue = endpoint.queue
    if wanted and queue is not None:
        queue.configure(wanted)
    elif wanted:
        endpoint.queue = AsyncQueue(
            endpoint.name, wanted, lambda: endpoint.first.variant, lease=endpoint.lease
        )
    elif queue is not None:
        endpoint.queue = None
        queue.close()


def _start(fleet: Fleet, budget: Budget) -> None:
    """The fleet is up; RuntimeFailure when it does not come up or not in time."""
    try:
        fleet.start(budget.halt)
    except RuntimeFailure:
        budget.deadline()  # what was called off for the time has run out of it
        raise


def _shift(endpoint: Endpoint, old: Fleet, new: Fleet, plan: Plan, budget: Budget) -> None:
    """Traffic is on the new fleet; raises RuntimeFailure when an alarm or the clock objects."""
    deadline = budget.deadline()
    steps = (*plan.steps, Step(share=1.0, wait_seconds=plan.termination_wait_seconds))
    for step in steps:
        endpoint.stage(new, "ActivatingTraffic")
        with store.lock:
            # The old fleet stays first, so `endpoint.fleet` is what a rollback returns to.
            endpoint.routes = [(old, 1.0 - step.share), (new, step.share)]
        endpoint.stage(new, "Baking")
        alarms.bake(
            step.wait_seconds,
            plan.alarms,
            role_arn=new.role_arn,
            deadline=deadline,
            stop=endpoint.stop,
        )


def _staged(endpoint: Endpoint) -> None:
    """Nothing is being deployed any more."""
    with store.lock:
        endpoint.pending = None
        if endpoint.routes:
            for slot in endpoint.fleet.all_slots.values():
                slot.stages.clear()
