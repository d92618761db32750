"""The queue of an asynchronous endpoint; it keeps its requests at zero instances (contracts 5)."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from local_aws import adapter
from local_aws.runtime.async_delivery import Delivery, NoCapacity
from local_aws.runtime.async_metrics import AsyncMetrics
from local_aws.runtime.async_request import AsyncRequest
from local_aws.runtime.hosting import Variant
from local_aws.runtime.logs import LogStream, endpoint_group

DEFAULT_CONCURRENCY = 4  # per instance; AWS picks "an optimal value" it does not publish
METRIC_PERIOD_SECONDS = 30.0  # two points in the minute an alarm looks at; under the time factor
SHORTEST_METRIC_PERIOD_SECONDS = 0.5
_CAPACITY_POLL_SECONDS = 0.2  # how late the queue notices that an instance came
_EXPIRY_POLL_SECONDS = 0.2  # a look at all that wait, which may be thousands

_log = logging.getLogger(__name__)


class AsyncQueue:
    """Takes requests until `close`, and processes them as the variant has room.

    `config` is the endpoint configuration's AsyncInferenceConfig. `lease` is the variant too, kept
    running for as long as a request is with it.
    """

    def __init__(
        self,
        endpoint_name: str,
        config: Mapping[str, Any],
        variant_provider: Callable[[], Variant],
        *,
        lease: Callable[[], AbstractContextManager[Variant]] | None = None,
    ) -> None:
        self._endpoint_name, self._provider = endpoint_name, variant_provider
        self._lease = lease or (lambda: nullcontext(variant_provider()))
        spec = variant_provider().spec
        stream = f"{spec.variant_name}/i-{secrets.token_hex(8)}0/data-log"
        role = spec.container.role_arn
        self._data_log = LogStream(endpoint_group(endpoint_name), stream, role_arn=role)
        self._metrics = AsyncMetrics(endpoint_name, spec.variant_name)
        self._waiting: deque[AsyncRequest] = deque()
        self._under_way: set[str] = set()
        self._change = threading.Condition()
        self._looked = 0.0
        self._closed = threading.Event()
        self.configure(config)
        for work in (self._dispatch, self._publish):
            threading.Thread(target=work, name=f"async-{endpoint_name}", daemon=True).start()

    def configure(self, config: Mapping[str, Any]) -> None:
        """Requests accepted, and those taken off the queue, from now on are as `config` says.

        None is lost and none waits anew; where the answer of one that waits will be was settled
        when it was accepted.
        """
        client = config.get("ClientConfig") or {}
        with self._change:
            self._output: Mapping[str, Any] = config["OutputConfig"]
            self._per_instance = int(
                client.get("MaxConcurrentInvocationsPerInstance") or DEFAULT_CONCURRENCY
            )
            self._delivery = Delivery(
                self._endpoint_name, config, metrics=self._metrics, data_log=self._data_log
            )
            self._change.notify_all()

    def submit(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Queue a request and return InferenceId, OutputLocation and FailureLocation.

        `request` has InvokeEndpointAsync's members; FailureLocation is None without S3FailurePath.
        """
        accepted = AsyncRequest.accept(request, self._output)
        with self._change:
            self._waiting.append(accepted)
            self._change.notify_all()
        return {
            "InferenceId": accepted.inference_id,
            "OutputLocation": accepted.output_location,
            "FailureLocation": accepted.failure_location,
        }

    def close(self) -> None:
        """Take no request off the queue any more: what waits on it is forgotten.

        Requests that are with a container already end as they would have.
        """
        self._closed.set()
        with self._change:
            self._waiting.clear()
            self._change.notify_all()

    def _dispatch(self) -> None:
        while not self._closed.is_set():
            with self._change:
                if not self._waiting:
                    self._change.wait()
                    continue
                expired = self._take_expired()
                request = self._next()
                if request is None and not expired:
                    self._change.wait(_CAPACITY_POLL_SECONDS)
            for old in expired:
                self._expire(old)
            if request is not None:
                threading.Thread(
                    target=self._process,
                    args=(request,),
                    name=f"async-{request.inference_id}",
                    daemon=True,
                ).start()

    def _take_expired(self) -> list[AsyncRequest]:
        if time.monotonic() - self._looked < _EXPIRY_POLL_SECONDS:
            return []
        self._looked = time.monotonic()
        expired: list[AsyncRequest] = []
        kept: deque[AsyncRequest] = deque()
        for request in self._waiting:
            late = request.age > adapter.scaled(request.ttl)
            (expired if late else kept).append(request)
        self._waiting = kept
        return expired

    def _next(self) -> AsyncRequest | None:
        """Take the oldest request if the variant has room for it."""
        room = self._per_instance * self._provider().running - len(self._under_way)
        if not self._waiting or room <= 0:
            return None
        request = self._waiting.popleft()
        self._under_way.add(request.output_location)
        return request

    def _process(self, request: AsyncRequest) -> None:
        again = False
        try:
            with self._lease() as variant:
                self._delivery.process(request, variant)
        except NoCapacity:
            again = not self._closed.is_set()
        except Exception:  # noqa: BLE001  a thread has no caller: the queue must go on
            _log.exception("endpoint %s: request %s", self._endpoint_name, request.inference_id)
        with self._change:
            if again:
                self._waiting.appendleft(request)
            self._under_way.discard(request.output_location)
            self._change.notify_all()

    def _expire(self, request: AsyncRequest) -> None:
        self._metrics.count("ExpiredRequests")
        role = self._provider().spec.container.role_arn
        reason = (
            f"ClientError: the request waited longer than its RequestTTLSeconds ({request.ttl:g})"
        )
        self._delivery.fail(request, role, reason)

    def _publish(self) -> None:
        period = max(SHORTEST_METRIC_PERIOD_SECONDS, adapter.scaled(METRIC_PERIOD_SECONDS))
        while not self._closed.wait(period):
            with self._change:
                waiting = list(self._waiting)
                backlog = len(waiting) + len(self._under_way)
            oldest = waiting[0].age if waiting else 0.0
            self._metrics.queue(
                backlog=backlog, instances=self._provider().running, oldest_seconds=oldest
            )
        self._data_log.close()
