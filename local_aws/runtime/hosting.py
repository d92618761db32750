"""A production variant: its containers, and the requests they answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from local_aws.runtime.container_http import INVOCATION_TIMEOUT_SECONDS, ContainerGone
from local_aws.runtime.containers import (
    ContainerLost,
    ContainerSpec,
    Invocation,
    RuntimeFailure,
    Throttled,
    Timeout,
    Unavailable,
)
from local_aws.runtime.fleet import Fleet
from local_aws.runtime.instance import Instance, Passage
from local_aws.runtime.routing import Router

__all__ = ["Invocation", "RuntimeFailure", "Throttled", "Timeout", "Variant", "VariantSpec"]

SERVERLESS_STARTUP_SECONDS = 180  # contracts 2.2
SERVERLESS_RESPONSE_BYTES = 4 * 1024**2  # contracts 4


@dataclass(frozen=True, kw_only=True, slots=True)
class VariantSpec:
    """A ProductionVariant as the data plane needs it."""

    endpoint_name: str
    variant_name: str
    container: ContainerSpec
    kind: str  # instance | serverless | async
    instance_type: str | None
    count: int
    memory_mb: int | None
    max_concurrency: int | None
    startup_timeout_seconds: int
    provisioned_concurrency: int | None = None
    log_group: str | None = None  # the endpoint's when None
    others: tuple[ContainerSpec, ...] = ()  # of a pipeline or a multi-container model, in order
    routing: str | None = None  # LEAST_OUTSTANDING_REQUESTS | RANDOM
    download_timeout_seconds: int | None = None
    volume_gb: int | None = None

    @property
    def containers(self) -> tuple[ContainerSpec, ...]:
        """Every container of the model."""
        return (self.container, *self.others)


class Variant:
    """A variant that answers requests between `start` and `stop`.

    A real-time or async variant runs every container of its model on each of its instances. A
    serverless one has a single instance that ends when nobody asks (unless concurrency is
    provisioned); the request that finds it ended waits for the cold start, and those above
    MaxConcurrency are refused.
    """

    def __init__(self, spec: VariantSpec) -> None:
        self.spec = spec
        self._serverless = spec.kind == "serverless"
        startup = spec.startup_timeout_seconds
        self._fleet = Fleet(
            endpoint_name=spec.endpoint_name,
            variant_name=spec.variant_name,
            containers=spec.containers,
            startup_seconds=min(startup, SERVERLESS_STARTUP_SECONDS)
            if self._serverless
            else startup,
            may_sleep=self._serverless and not spec.provisioned_concurrency,
            log_group=spec.log_group,
            download_seconds=spec.download_timeout_seconds,
            volume_gb=spec.volume_gb,
        )
        self._router = Router(spec.routing)
        self._in_flight = 0
        self._limit = spec.max_concurrency
        self._lock = threading.Lock()

    def start(self, stop: threading.Event) -> None:
        """Return once every container answers /ping; RuntimeFailure, with nothing left, if not."""
        self._fleet.start(1 if self._serverless else self.spec.count, stop)

    def invoke(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float = INVOCATION_TIMEOUT_SECONDS,
    ) -> Invocation:
        """Return the container's answer, whatever its status.

        RuntimeFailure when no container takes the request or it dies on the way; Throttled above
        MaxConcurrency; Timeout after `timeout` seconds. Of a multi-model container also NotReady
        and NoSuchModel.
        """
        began = time.monotonic()
        self._enter()
        try:
            instance, setup = self._take(headers)
            try:
                passage = instance.invoke(body, headers, timeout=timeout)
            except ContainerLost:
                self._fleet.look_now()
                raise
            finally:
                self._fleet.give_back(instance)
        finally:
            self._leave()
        return self._invocation(passage, time.monotonic() - began, setup)

    def _invocation(self, passage: Passage, total: float, setup: float) -> Invocation:
        answer = passage.answer
        assert answer is not None  # noqa: S101  every way has a container
        if self._serverless and len(answer.body) > SERVERLESS_RESPONSE_BYTES:
            raise RuntimeFailure(
                f"the response is {len(answer.body)} bytes; a serverless endpoint returns at most"
                f" {SERVERLESS_RESPONSE_BYTES}"
            )
        model_us = sum(passage.container_us.values())
        several = len(self.spec.containers) > 1
        return Invocation(
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            model_latency_us=model_us,
            overhead_us=max(0, round((total - setup) * 1e6) - model_us),
            model_setup_us=round(setup * 1e6),
            container=passage.container,
            container_us=passage.container_us if several else {},
            loading=passage.loading,
        )

    def invoke_stream(self, body: bytes, headers: Mapping[str, str]) -> Iterator[bytes]:
        """Return the chunks of the container's answer as they come.

        Raised before the first chunk: StreamRefused for a status of 400 or more, and what
        `invoke` raises.
        """
        self._enter()
        try:
            instance, _ = self._take(headers)
            try:
                chunks = instance.stream(body, headers)
            except BaseException as error:
                self._fleet.give_back(instance)
                if isinstance(error, ContainerLost):
                    self._fleet.look_now()
                raise
        except BaseException:
            self._leave()
            raise
        return self._counted(instance, chunks)

    def _counted(self, instance: Instance, chunks: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from chunks
        except ContainerGone as error:
            self._fleet.look_now()
            name = instance.containers[-1].name
            raise ContainerLost(
                f"the {name} container closed the connection before it answered", container=name
            ) from error
        finally:
            self._fleet.give_back(instance)
            self._leave()

    def scale(self, count: int) -> None:
        """Return once the variant runs `count` instances; 0 leaves it without any."""
        if not self._serverless:
            self._fleet.scale(count)

    def limit(self, max_concurrency: int) -> None:
        """A serverless variant answers this many requests at once from now on."""
        with self._lock:
            self._limit = max_concurrency

    @property
    def running(self) -> int:
        """How many instances can take a request now."""
        return self._fleet.size

    def healthy(self) -> bool:
        """Whether the variant can answer: a container does, or one may be started for it."""
        return self._fleet.asleep or self.running > 0

    def stop(self) -> None:
        """Leave no container and no file of the variant."""
        self._fleet.stop()

    def _enter(self) -> None:
        with self._lock:
            limit = self._limit
            if self._serverless and limit is not None and self._in_flight >= limit:
                raise Throttled(
                    f"endpoint {self.spec.endpoint_name} serves {limit} requests at once"
                    " (MaxConcurrency)"
                )
            self._in_flight += 1
        self._fleet.touch(+1)

    def _leave(self) -> None:
        with self._lock:
            self._in_flight -= 1
        self._fleet.touch(-1)

    def _take(self, headers: Mapping[str, str]) -> tuple[Instance, float]:
        setup = self._fleet.wake()
        instance = self._fleet.take(self._router.chooser(headers))
        if instance is None:
            raise Unavailable(
                f"variant {self.spec.variant_name} of endpoint {self.spec.endpoint_name} has no"
                " healthy container to take the request"
            )
        return instance, setup
