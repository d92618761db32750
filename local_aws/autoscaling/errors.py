"""The errors Application Auto Scaling answers with."""


class ServiceError(Exception):
    """A refusal, with the service's own name for it."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


def invalid(message: str) -> ServiceError:
    """A request that breaks a rule of the service."""
    return ServiceError("ValidationException", message)


def not_registered(namespace: str, resource_id: str, dimension: str) -> ServiceError:
    """A scalable target nobody registered."""
    return ServiceError(
        "ObjectNotFoundException",
        f"No scalable target registered for service namespace: {namespace}, resource ID: "
        f"{resource_id}, scalable dimension: {dimension}",
    )
