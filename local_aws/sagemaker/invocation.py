"""InvokeEndpoint: one request to one variant, and what the caller gets back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from local_aws import adapter, validation
from local_aws.adapter.types import Request, Response
from local_aws.runtime.containers import (
    RuntimeFailure,
    StreamRefused,
    Throttled,
    Timeout,
    Unavailable,
)
from local_aws.sagemaker import invocation_metrics, store
from local_aws.sagemaker.deployment.endpoint import Endpoint
from local_aws.sagemaker.deployment.fleet import Slot
from local_aws.sagemaker.errors import ServiceError, invalid_call
from local_aws.sagemaker.inference_components import routing

_MB = 1024 * 1024
REAL_TIME_BYTES = 25 * _MB  # contracts.md 3.2: the developer guide's current limit
SERVERLESS_BYTES = 4 * _MB  # contracts.md 4
_LONGEST_MESSAGE = 2048  # contracts.md 2.3
_UNSUPPORTED = {
    "x-amzn-sagemaker-target-model": "multi-model endpoints",
    "x-amzn-sagemaker-target-container-hostname": "multi-container endpoints",
}
# contracts.md 3.1: what of the container's answer reaches the caller, by the API's spelling.
_RETURNED = {
    "content-type": "Content-Type",
    "x-amzn-sagemaker-custom-attributes": "X-Amzn-SageMaker-Custom-Attributes",
    "x-amzn-sagemaker-new-session-id": "X-Amzn-SageMaker-New-Session-Id",
    "x-amzn-sagemaker-closed-session-id": "X-Amzn-SageMaker-Closed-Session-Id",
}
_MEMBERS = {
    "content-type": "ContentType",
    "accept": "Accept",
    "x-amzn-sagemaker-custom-attributes": "CustomAttributes",
    "x-amzn-sagemaker-target-variant": "TargetVariant",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName",
    "x-amzn-sagemaker-inference-id": "InferenceId",
    "x-amzn-sagemaker-session-id": "SessionId",
}


def invoke(name: str, request: Request) -> Response:
    """The container's answer; ModelError 424 when it answers 4xx or 5xx (contracts.md 2.3)."""
    with held(name, request, operation="InvokeEndpoint") as (endpoint, slot):
        with translated(endpoint, slot):
            answer = slot.variant.invoke(request.body, request.headers)
        invocation_metrics.publish(endpoint.name, slot, answer)
        headers = {k.lower(): v for k, v in answer.headers.items()}
        if answer.status >= 400:
            raise model_error(endpoint.name, slot, answer.status, answer.body)
        returned = {_RETURNED[k]: v for k, v in headers.items() if k in _RETURNED}
        returned["x-Amzn-Invoked-Production-Variant"] = slot.name
        return Response(headers=returned, body=answer.body)


@contextmanager
def held(
    name: str, request: Request, *, operation: str, release: bool = True
) -> Iterator[tuple[Endpoint, Slot]]:
    """Endpoint and variant for the request, which passed every check, kept until it is answered."""
    endpoint = callable_endpoint(name)
    if endpoint.asynchronous:
        raise invalid_call(
            f"Endpoint {name} is configured for asynchronous inference and does not take "
            f"{operation}: use InvokeEndpointAsync."
        )
    _check(name, request, operation)
    component = request.headers.get("x-amzn-sagemaker-inference-component")
    slot = routing.copy_for(endpoint, component) or endpoint.pick(
        request.headers.get("x-amzn-sagemaker-target-variant")
    )
    if slot is None:
        raise invalid_call(
            f"Endpoint {name} of account {adapter.account()} has no variant "
            f"{request.headers.get('x-amzn-sagemaker-target-variant', 'to take the request')}."
        )
    try:
        _check_size(slot, request)
        yield endpoint, slot
    except BaseException:
        endpoint.release(slot)
        raise
    if release:
        endpoint.release(slot)


def callable_endpoint(name: str) -> Endpoint:
    """The endpoint of exactly this name that serves; the API is case-sensitive here."""
    endpoint: Endpoint | None = store.endpoints.get(name.lower())
    if endpoint is None or endpoint.name != name or not endpoint.routes:
        raise invalid_call(f"Endpoint {name} of account {adapter.account()} not found.")
    return endpoint


@contextmanager
def translated(endpoint: Endpoint, slot: Slot) -> Iterator[None]:
    """What the runtime raises, as the caller's error."""
    try:
        yield
    except StreamRefused:
        raise  # an answer of the container's own, with a status and a body
    except Throttled as failure:
        invocation_metrics.refused(endpoint.name, slot)
        raise ServiceError("ThrottlingException", str(failure)) from failure
    except Timeout as failure:
        invocation_metrics.failed(endpoint.name, slot)
        message = (
            "Your invocation timed out while waiting for a response from container "
            f"{slot.variant.spec.container.name}. Review the latency metrics for each container "
            "in Amazon CloudWatch, resolve the issue, and try again."
        )
        raise model_error(endpoint.name, slot, 0, message.encode()) from failure
    except Unavailable as failure:
        invocation_metrics.failed(endpoint.name, slot)
        raise ServiceError("ServiceUnavailable", failure.reason, status=503) from failure
    except RuntimeFailure as failure:
        invocation_metrics.failed(endpoint.name, slot)
        raise model_error(endpoint.name, slot, 500, failure.reason.encode()) from failure


def model_error(endpoint_name: str, slot: Slot, status: int, body: bytes) -> ServiceError:
    """ModelError as InvokeEndpoint answers it (contracts.md 2.3)."""
    region, account = adapter.region(), adapter.account()
    group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
    text = body.decode(errors="replace")
    kind = "client" if 400 <= status < 500 else "server"
    console = (
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
        f"#logEventViewer:group={group}"
    )
    message = (
        f"Received {kind} error ({status}) from {slot.variant.spec.container.name} with message "
        f'"{text}". See {console} in account {account} for more information.'
    )
    fields: Mapping[str, Any] = {
        "OriginalStatusCode": status,
        "OriginalMessage": text[:_LONGEST_MESSAGE],
        "LogStreamArn": f"arn:aws:logs:{region}:{account}:log-group:{group}",
    }
    return ServiceError("ModelError", message[:_LONGEST_MESSAGE], status=424, fields=fields)


def _check(name: str, request: Request, operation: str) -> None:
    params = {m: request.headers[h] for h, m in _MEMBERS.items() if request.headers.get(h)}
    try:
        # Without the body: its size is the endpoint kind's to limit, not the model's 6 MB.
        validation.validate(
            "sagemaker-runtime", operation, {"EndpointName": name, "Body": b"", **params}
        )
    except validation.ValidationError as error:
        raise invalid_call(error.message) from error
    for header, what in _UNSUPPORTED.items():
        if header in request.headers:
            raise invalid_call(f"Endpoint {name} is not one of the {what}: do not send {header}")


def _check_size(slot: Slot, request: Request) -> None:
    limit = SERVERLESS_BYTES if slot.serverless else REAL_TIME_BYTES
    if len(request.body) > limit:
        kind = "serverless" if slot.serverless else "real-time"
        raise invalid_call(
            f"The request body is {len(request.body)} bytes; a {kind} endpoint takes at most "
            f"{limit} bytes."
        )
