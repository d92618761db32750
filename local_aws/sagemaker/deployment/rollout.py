"""An endpoint coming up, changing to another configuration, and going. Each runs in a thread."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from local_aws import adapter
from local_aws.runtime.asynchronous import AsyncQueue
from local_aws.runtime.containers import RuntimeFailure
from local_aws.sagemaker import store, tags
from local_aws.sagemaker.deployment import alarms, notifications
from local_aws.sagemaker.deployment.endpoint import Endpoint
from local_aws.sagemaker.deployment.fleet import Fleet, Kept
from local_aws.sagemaker.deployment.plan import Plan, Step
from local_aws.sagemaker.errors import ServiceError
from local_aws.sagemaker.inference_components import work as component_work
from local_aws.sagemaker.inference_components.relocation import Relocation

log = logging.getLogger("local_aws")


def create(endpoint: Endpoint) -> None:
    """The endpoint is InService, or Failed with the reason."""

    def work() -> None:
        fleet = Fleet(endpoint.name, endpoint.config)
        notifications.probe(endpoint.config, fleet.role_arn)
        fleet.start(endpoint.stop)
        _take_over(endpoint, fleet, endpoint.config)
        endpoint.set_capture(endpoint.config.get("DataCaptureConfig"))

    reason = _reason(work)
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
        new = Fleet(endpoint.name, config, kept)
        with store.lock:
            endpoint.pending, endpoint.pending_since = new, store.now()
        notifications.probe(config, new.role_arn)
        new.start(endpoint.stop)
        components = Relocation(endpoint, new, config)
        try:
            components.start()
            _shift(endpoint, old, new, plan)
        except BaseException:
            with store.lock:
                endpoint.routes = [(old, 1.0)]
            endpoint.move("RollingBack")
            components.back()
            new.drain()
            new.stop()
            raise
        _take_over(endpoint, new, config)
        endpoint.set_capture(capture)
        components.settle()
        old.drain()
        old.stop()
        endpoint.balancer.forget(old)

    reason = _reason(work)
    with store.lock:
        endpoint.pending = None
    endpoint.move("InService", reason)


def scale(endpoint: Endpoint, wanted: Mapping[str, Kept]) -> None:
    """Counts and weights are as wanted, or as before with the reason."""

    def work() -> None:
        notifications.probe(endpoint.config, endpoint.fleet.role_arn)
        for name, target in wanted.items():
            slot = endpoint.fleet.slots[name]
            if target.count is not None and target.count != slot.count:
                slot.variant.scale(target.count)
            with store.lock:
                slot.count = slot.count if target.count is None else target.count
                slot.weight = slot.weight if target.weight is None else target.weight
                if target.serverless:
                    slot.config["ServerlessConfig"] = dict(slot.desired_serverless)

    reason = _reason(work)
    if reason:
        endpoint.move("RollingBack")
    with store.lock:
        for slot in endpoint.fleet.slots.values():
            slot.desired_count, slot.desired_weight = slot.count, slot.weight
            slot.desired_serverless = dict(slot.config.get("ServerlessConfig", {}))
    endpoint.move("InService", reason)


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
    """The fleet is the endpoint's own; an asynchronous one has its queue, kept if unchanged."""
    wanted = config.get("AsyncInferenceConfig")
    with store.lock:
        unchanged = wanted == endpoint.config.get("AsyncInferenceConfig")
        endpoint.routes, endpoint.config = [(fleet, 1.0)], dict(config)
        queue = endpoint.queue
    if unchanged and queue is not None:
        return
    waiting = queue.close() if queue is not None else []
    endpoint.queue = (
        AsyncQueue(
            endpoint.name,
            wanted,
            lambda: next(iter(endpoint.fleet.slots.values())).variant,
            waiting=waiting,
        )
        if wanted
        else None
    )


def _shift(endpoint: Endpoint, old: Fleet, new: Fleet, plan: Plan) -> None:
    """Traffic is on the new fleet; raises RuntimeFailure when an alarm or the clock objects."""
    deadline = store.now() + adapter.scaled(plan.timeout_seconds)
    steps = (*plan.steps, Step(share=1.0, wait_seconds=plan.termination_wait_seconds))
    for step in steps:
        with store.lock:
            # The old fleet stays first, so `endpoint.fleet` is what a rollback returns to.
            endpoint.routes = [(old, 1.0 - step.share), (new, step.share)]
        alarms.bake(
            step.wait_seconds,
            plan.alarms,
            role_arn=new.role_arn,
            deadline=deadline,
            stop=endpoint.stop,
        )


def _reason(work: Callable[[], None]) -> str | None:
    """Why the work failed, None when it did not. A thread has no caller to raise to."""
    try:
        work()
    except RuntimeFailure as failure:
        return failure.reason
    except ServiceError as error:
        return error.message
    except ClientError as error:
        return str(error)
    except Exception as error:
        log.exception("a deployment failed inside")
        return f"InternalFailure: {type(error).__name__}: {error}"
    return None
