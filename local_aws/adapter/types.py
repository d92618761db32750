"""What passes between the adapter and the services built on it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One call that reached a registered service, authenticated and authorized already.

    Header names are lower case; `query` holds the first value of each parameter. `action` is the
    operation named by X-Amz-Target, None for REST calls. `caller` is the ARN of who signed it.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)
    action: str | None = None
    caller: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What a registered service answers; a body that is an iterator goes out piece by piece."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""


Handler = Callable[[Request], Response]


class StopFlag(Protocol):
    """Raised when nobody waits for a task any more: it timed out, was aborted, or all stops."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


class StateTaskError(Exception):
    """A Step Functions task failed; Retry and Catch see `error` by its exact name."""

    def __init__(self, error: str, cause: str) -> None:
        self.error = error
        self.cause = cause
        super().__init__(f"{error}: {cause}")


StateTask = Callable[[str, dict[str, Any], StopFlag], dict[str, Any]]


class CreateResource(Protocol):
    def __call__(
        self, properties: dict[str, Any], *, stack_name: str, logical_id: str
    ) -> tuple[str, dict[str, Any]]: ...


class UpdateResource(Protocol):
    def __call__(
        self,
        physical_id: str,
        new: dict[str, Any],
        old: dict[str, Any],
        *,
        stack_name: str,
        logical_id: str,
    ) -> tuple[str, dict[str, Any]]: ...


class DeleteResource(Protocol):
    def __call__(
        self, physical_id: str, properties: dict[str, Any], *, stack_name: str, logical_id: str
    ) -> None: ...
