"""What the control plane hands to the data plane, and how the data plane says no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local_aws.runtime.engine import Image


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerSpec:
    """One container of a model, as CreateModel's `PrimaryContainer` describes it."""

    image: str
    model_data_url: str | None
    model_data_source: dict[str, Any] | None
    environment: Mapping[str, str]
    role_arn: str
    name: str = "primary"
    network_isolation: bool = False  # EnableNetworkIsolation: the container gets no credentials
    multi_model: bool = False  # Mode MultiModel: `model_data_url` is a prefix of archives
    model_cache: bool = True  # MultiModelConfig.ModelCacheSetting


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """How an image runs as a process: the ENTRYPOINT, its environment, and where it lives.

    With `oci` it runs as a container of an engine instead, and the rest is the image's own affair.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path | None
    folder: Path
    oci: Image | None = None
    cluster: bool = False  # one process stands in for all instances of a job


class RuntimeFailure(Exception):  # noqa: N818  the service's own word: it becomes FailureReason
    """The data plane could not do it; `reason` is the sentence that becomes FailureReason."""

    def __init__(self, reason: str, *, container: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.container = container  # the one of several that failed


class ContainerLost(RuntimeFailure):
    """The container closed the connection before it had answered."""


class Unavailable(RuntimeFailure):
    """No container was there to take the request: it did not reach one."""


class StreamRefused(RuntimeFailure):
    """The container answered a streaming request with an error before its first chunk."""

    def __init__(self, status: int, body: bytes, *, container: str | None = None) -> None:
        super().__init__(f"the container answered {status}", container=container)
        self.status, self.body = status, body


class Throttled(Exception):  # noqa: N818  named after ThrottlingException
    """More requests at once than the serverless endpoint's MaxConcurrency (contracts 4)."""


class Timeout(Exception):  # noqa: N818  the invocation's, not the builtin's OSError
    """The container did not answer `/invocations` in the time it is given (contracts 2.2)."""

    container: str | None = None  # the one of several that did not answer


class NotReady(Exception):  # noqa: N818  named after ModelNotReadyException
    """The target model is still being downloaded or loaded (contracts 2.4)."""


class NoSuchModel(Exception):  # noqa: N818  a mistake of the caller
    """The target model's archive is not there, or the role may not read it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelLoading:
    """What a multi-model endpoint did to have the target model; times in microseconds."""

    cache_hit: bool
    waited_us: int = 0
    download_us: int | None = None
    load_us: int | None = None
    unload_us: tuple[int, ...] = ()  # of the models that made room


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """What the container answered; latencies in microseconds, as CloudWatch counts them."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    model_latency_us: int
    overhead_us: int
    model_setup_us: int = field(default=0)  # serverless: how long the cold start took, else 0
    container: str | None = None  # which of several containers gave this answer
    container_us: Mapping[str, int] = field(default_factory=dict)  # how long each of them took
    loading: ModelLoading | None = None  # multi-model: how the target model came to be there
