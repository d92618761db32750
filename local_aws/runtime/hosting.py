"""A production variant: its containers, and the requests they answer."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from local_aws.runtime.container_http import (
    INVOCATION_TIMEOUT_SECONDS,
    ContainerClient,
    ContainerGone,
    allowed_headers,
)
from local_aws.runtime.containers import (
    ContainerSpec,
    Invocation,
    RuntimeFailure,
    StreamRefused,
    Throttled,
    Timeout,
    Unavailable,
)
from local_aws.runtime.fleet import Fleet

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


class Variant:
    """A variant that answers requests between `start` and `stop`.

    A real-time or async variant runs one process per instance, asked in turn. A serverless one
    runs a single process that ends when nobody asks (unless concurrency is provisioned); the
    request that finds it ended waits for the cold start, and those above MaxConcurrency are
    refused.
    """

    def __init__(self, spec: VariantSpec) -> None:
        self.spec = spec
        self._serverless = spec.kind == "serverless"
        startup = spec.startup_timeout_seconds
        self._fleet = Fleet(
            endpoint_name=spec.endpoint_name,
            variant_name=spec.variant_name,
            container=spec.container,
            startup_seconds=min(startup, SERVERLESS_STARTUP_SECONDS)
            if self._serverless
            else startup,
            may_sleep=self._serverless and not spec.provisioned_concurrency,
            log_group=spec.log_group,
        )
        self._turn = itertools.count()
        self._in_flight = 0
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
        MaxConcurrency; Timeout after `timeout` seconds.
        """
        began = time.monotonic()
        self._enter()
        try:
            client, setup = self._client()
            try:
                answer = client.invoke(body, allowed_headers(headers), timeout=timeout)
            except ContainerGone as error:
                raise self._gone() from error
        finally:
            self._leave()
        if self._serverless and len(answer.body) > SERVERLESS_RESPONSE_BYTES:
            raise RuntimeFailure(
                f"the response is {len(answer.body)} bytes; a serverless endpoint returns at most"
                f" {SERVERLESS_RESPONSE_BYTES}"
            )
        total = time.monotonic() - began
        return Invocation(
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            model_latency_us=round(answer.seconds * 1e6),
            overhead_us=round((total - answer.seconds - setup) * 1e6),
            model_setup_us=round(setup * 1e6),
        )

    def invoke_stream(self, body: bytes, headers: Mapping[str, str]) -> Iterator[bytes]:
        """Return the chunks of the container's answer as they come.

        Raised before the first chunk: StreamRefused for a status of 400 or more, and what
        `invoke` raises.
        """
        self._enter()
        try:
            client, _ = self._client()
            status, chunks = client.stream(body, allowed_headers(headers))
            if status >= 400:
                raise StreamRefused(status, b"".join(chunks))
        except BaseException as error:
            self._leave()
            if isinstance(error, ContainerGone):
                raise self._gone() from error
            raise
        return self._counted(chunks)

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from chunks
        except ContainerGone as error:
            raise self._gone() from error
        finally:
            self._leave()

    def scale(self, count: int) -> None:
        """Return once the variant runs `count` containers; 0 leaves it without any."""
        if not self._serverless:
            self._fleet.scale(count)

    @property
    def running(self) -> int:
        """How many containers can take a request now."""
        return len(self._fleet.clients())

    def healthy(self) -> bool:
        """Whether the variant can answer: a container does, or one may be started for it."""
        return self._fleet.asleep or self.running > 0

    def stop(self) -> None:
        """Leave no container and no file of the variant."""
        self._fleet.stop()

    def _enter(self) -> None:
        limit = self.spec.max_concurrency
        with self._lock:
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

    def _client(self) -> tuple[ContainerClient, float]:
        setup = self._fleet.wake()
        clients = self._fleet.clients()
        if not clients:
            raise Unavailable(
                f"variant {self.spec.variant_name} of endpoint {self.spec.endpoint_name} has no"
                " healthy container to take the request"
            )
        return clients[next(self._turn) % len(clients)], setup

    def _gone(self) -> RuntimeFailure:
        self._fleet.look_now()
        return RuntimeFailure(
            f"the {self.spec.container.name} container closed the connection before it answered"
        )
