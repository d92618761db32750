"""Metrics nobody's request publishes: concurrency every ten seconds, and the silence of a minute.

contracts.md 3.5: ConcurrentRequestsPerModel and ConcurrentRequestsPerCopy are 10-second metrics.
Zeros are published too: target tracking could not scale in on metrics that stop when requests do.
"""

import itertools
import logging
import threading
from collections import defaultdict
from collections.abc import Mapping

from local_aws import adapter
from local_aws.sagemaker import store
from local_aws.sagemaker.deployment.endpoint import SERVING, Endpoint
from local_aws.sagemaker.inference_components.component import Component

log = logging.getLogger("local_aws")

_SECONDS = 10.0
_LEAST_SECONDS = 0.1
_MINUTE = 6  # of such periods
_NAMESPACE = "AWS/SageMaker"


def start() -> None:
    """Metrics are published and idle instances go from now on, until the server stops."""
    stopped = threading.Event()
    adapter.on_shutdown(stopped.set)

    def watch() -> None:
        for number in itertools.count(1):
            if stopped.wait(max(_LEAST_SECONDS, adapter.scaled(_SECONDS))):
                return
            try:
                look(minute=number % _MINUTE == 0)
            except Exception:
                log.exception("the metrics of endpoints were not published")

    threading.Thread(target=watch, name="sampling", daemon=True).start()


def look(*, minute: bool) -> None:
    """One period is over: its concurrency is published, and pools let go what was idle too long.

    With `minute`, components that can be called are counted at zero too.
    """
    for endpoint in store.endpoints:
        if endpoint.status in SERVING and endpoint.routes and not endpoint.asynchronous:
            _variants(endpoint)
    for component in store.inference_components:
        _component(component, minute=minute)


def _variants(endpoint: Endpoint) -> None:
    peaks: dict[str, int] = defaultdict(int)
    counts: dict[str, int] = defaultdict(int)
    with store.lock:
        for fleet, _ in endpoint.routes:
            for slot in fleet.slots.values():
                if slot.pool:
                    slot.pool.shrink()
                elif not slot.serverless:
                    peaks[slot.name] += slot.peak
                    counts[slot.name] += slot.count
                    slot.peak = slot.busy
    for name, peak in peaks.items():
        if counts[name]:
            dimensions = {"EndpointName": endpoint.name, "VariantName": name}
            _put("ConcurrentRequestsPerModel", peak / counts[name], dimensions)


def _component(component: Component, *, minute: bool) -> None:
    with store.lock:
        copies = len(component.copies)
        peak, component.peak = component.peak, sum(copy.busy for copy in component.copies)
    if copies:
        dimensions = {"InferenceComponentName": component.name}
        _put("ConcurrentRequestsPerCopy", peak / copies, dimensions)
        if minute:
            for name in ("Invocations", "InvocationsPerCopy"):
                _put(name, 0, dimensions)


def _put(name: str, value: float, dimensions: Mapping[str, str]) -> None:
    adapter.put_metric(_NAMESPACE, name, value, unit="None", dimensions=dimensions)
