"""Whether a request names the model or the container that its variant needs, and no other."""

from local_aws import validation
from local_aws.adapter.types import Request
from local_aws.sagemaker.deployment.fleet import Slot
from local_aws.sagemaker.errors import invalid_call

_MODEL = "x-amzn-sagemaker-target-model"
_CONTAINER = "x-amzn-sagemaker-target-container-hostname"


def check(name: str, slot: Slot, request: Request, operation: str) -> None:
    """Refuse a TargetModel or TargetContainerHostname that is missing, unknown or out of place."""
    _check_model(name, slot, request.headers.get(_MODEL), operation)
    _check_container(name, slot, request.headers.get(_CONTAINER))


def _check_model(name: str, slot: Slot, target: str | None, operation: str) -> None:
    multi = any(container.multi_model for container in slot.containers)
    if target is not None and not multi:
        raise invalid_call(
            f"Endpoint {name} is not one of the multi-model endpoints: do not send TargetModel"
        )
    if target is None and multi:
        members = validation.service_model("sagemaker-runtime").operation_model(operation)
        takes = members.input_shape is not None and "TargetModel" in members.input_shape.members
        raise invalid_call(
            f"Endpoint {name} is a multi-model endpoint: name a model of it in TargetModel"
            + ("" if takes else f", which {operation} does not take: use InvokeEndpoint")
        )


def _check_container(name: str, slot: Slot, target: str | None) -> None:
    names = [container.name for container in slot.containers]
    if not slot.direct:
        if target is not None:
            raise invalid_call(
                f"Endpoint {name} is not one of the multi-container endpoints with direct "
                "invocation: do not send TargetContainerHostname"
            )
    elif target is None:
        raise invalid_call(
            f"Endpoint {name} has containers for direct invocation: name one of "
            f"{', '.join(names)} in TargetContainerHostname"
        )
    elif target not in names:
        raise invalid_call(
            f"Endpoint {name} has no container {target}: TargetContainerHostname must be one of "
            f"{', '.join(names)}"
        )
