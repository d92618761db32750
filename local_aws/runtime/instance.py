"""One instance of a variant: its containers side by side, and a request's way through them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from local_aws.runtime.container_http import (
    INVOCATION_TIMEOUT_SECONDS,
    Answer,
    ContainerGone,
    allowed_headers,
)
from local_aws.runtime.containers import ContainerLost, ModelLoading, StreamRefused, Timeout
from local_aws.runtime.model_cache import TARGET, ModelCache
from local_aws.runtime.serving import ServingContainer

_HOSTNAME = "x-amzn-sagemaker-target-container-hostname"
_T = TypeVar("_T")


@dataclass(kw_only=True, slots=True)
class Passage:
    """A request on its way through the containers, and in the end what the last one answered."""

    body: bytes
    headers: dict[str, str]
    deadline: float
    container: str = ""
    container_us: dict[str, int] = field(default_factory=dict)
    answer: Answer | None = None
    loading: ModelLoading | None = None

    @property
    def left(self) -> float:
        return max(0.001, self.deadline - time.monotonic())

    @property
    def refused(self) -> bool:
        return self.answer is not None and self.answer.status >= 400


class Instance:
    """The containers of one model on one instance; `outstanding` belongs to the fleet's lock."""

    def __init__(
        self, containers: Sequence[ServingContainer], *, volume_gb: int | None = None
    ) -> None:
        self.containers = tuple(containers)
        self.outstanding = 0
        self.failed_pings = 0
        self._caches = {
            container.name: ModelCache(container, volume_gb=volume_gb)
            for container in containers
            if container.spec.multi_model
        }

    @property
    def alive(self) -> bool:
        """Whether every container runs."""
        return all(container.alive for container in self.containers)

    def ping(self) -> bool:
        """Whether every container answers /ping."""
        return all(container.client.ping() for container in self.containers)

    def ends_within(self, seconds: float) -> bool:
        """Whether a container ends within the time given."""
        deadline = time.monotonic() + seconds
        return any(
            container.process.wait(max(0.0, deadline - time.monotonic())) is not None
            for container in self.containers
        )

    def holds(self, target: str) -> bool:
        """Whether a multi-model container here has the target model already."""
        return any(cache.holds(target) for cache in self._caches.values())

    def wait_until_healthy(self, *, seconds: float, stop: threading.Event) -> None:
        """Return once every container answers /ping; RuntimeFailure naming the one that did not."""
        for container in self.containers:
            container.wait_until_healthy(seconds=seconds, stop=stop)

    def invoke(self, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Passage:
        """Return the request after its way; the first answer of 400 or more ends it.

        RuntimeFailure and Timeout name the container they are about.
        """
        passage = _passage(body, headers, timeout)
        way = self._way(headers)
        self._through(way, way[-1], passage)
        return passage

    def stream(self, body: bytes, headers: Mapping[str, str]) -> Iterator[bytes]:
        """Return the chunks of the last container's answer.

        StreamRefused for an answer of 400 or more before the first of them.
        """
        passage = _passage(body, headers, INVOCATION_TIMEOUT_SECONDS)
        *before, last = self._way(headers)
        self._through(before, last, passage)
        if passage.answer is not None and passage.refused:
            raise StreamRefused(
                passage.answer.status, passage.answer.body, container=passage.container
            )
        status, chunks = _named(last, lambda: last.client.stream(passage.body, passage.headers))
        if status >= 400:
            raise StreamRefused(status, b"".join(chunks), container=last.name)
        return chunks

    def stop(self) -> None:
        """Leave nothing of the containers."""
        for container in self.containers:
            container.stop()

    def _way(self, headers: Mapping[str, str]) -> list[ServingContainer]:
        wanted = headers.get(_HOSTNAME)
        return [container for container in self.containers if wanted in (None, container.name)]

    def _through(
        self, way: Sequence[ServingContainer], last: ServingContainer, passage: Passage
    ) -> None:
        """Each answer is the next request: its body and content type. Accept is for the last."""
        for container in way:
            headers = passage.headers
            if container is not last:
                headers = {name: text for name, text in headers.items() if name != "accept"}
            began = time.monotonic()
            answer = self._ask(container, passage, headers)
            took = round((time.monotonic() - began) * 1e6)
            passage.container_us[container.name] = took
            passage.container, passage.answer = container.name, answer
            if passage.refused:
                return
            if container is not last:
                passage.body = answer.body
                passage.headers.pop("content-type", None)
                if "content-type" in answer.headers:
                    passage.headers["content-type"] = answer.headers["content-type"]

    def _ask(
        self, container: ServingContainer, passage: Passage, headers: Mapping[str, str]
    ) -> Answer:
        cache = self._caches.get(container.name)
        if cache is None:
            call = container.client.invoke
            return _named(container, lambda: call(passage.body, headers, timeout=passage.left))
        answer, passage.loading = _named(
            container,
            lambda: cache.invoke(headers[TARGET], passage.body, headers, timeout=passage.left),
        )
        return answer


def _passage(body: bytes, headers: Mapping[str, str], timeout: float) -> Passage:
    given = {name.lower(): text for name, text in allowed_headers(headers).items()}
    return Passage(body=body, headers=given, deadline=time.monotonic() + timeout)


def _named(container: ServingContainer, call: Callable[[], _T]) -> _T:
    """The call's result, or its failure with the container's name on it."""
    try:
        return call()
    except Timeout as failure:
        failure.container = container.name
        raise
    except ContainerGone as failure:
        raise ContainerLost(
            f"the {container.name} container closed the connection before it answered",
            container=container.name,
        ) from failure
