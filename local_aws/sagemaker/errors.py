"""The errors SageMaker answers with, by the names and status codes of its API model."""

from collections.abc import Mapping
from typing import Any, NoReturn


class ServiceError(Exception):
    """A request SageMaker refuses; `code` is the error type a client sees."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status
        self.fields = dict(fields or {})


def invalid(message: str) -> ServiceError:
    """The control plane's answer to nearly every bad request, a missing resource included."""
    return ServiceError("ValidationException", message)


def invalid_call(message: str) -> ServiceError:
    """The data plane's answer to a bad request: SageMaker Runtime spells the type differently."""
    return ServiceError("ValidationError", message)


def in_use(message: str) -> ServiceError:
    return ServiceError("ResourceInUse", message)


def not_found(message: str) -> ServiceError:
    return ServiceError("ResourceNotFound", message)


def conflict(message: str) -> ServiceError:
    return ServiceError("ConflictException", message)


def refuse(faults: list[str]) -> NoReturn:
    """Raise one ValidationException that names every fault found."""
    raise invalid("; ".join(faults))
