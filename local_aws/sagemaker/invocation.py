"""InvokeEndpoint: one request to one variant, and what the caller gets back."""

from collections.abc import Iterator
from contextlib import contextmanager

from local_aws import adapter, validation
from local_aws.adapter.types import Request, Response
from local_aws.runtime.capture import Message
from local_aws.runtime.containers import Invocation
from local_aws.sagemaker import invocation_metrics, invocation_targets, shadowing, store
from local_aws.sagemaker.deployment.endpoint import Endpoint
from local_aws.sagemaker.deployment.fleet import Slot
from local_aws.sagemaker.errors import invalid_call
from local_aws.sagemaker.inference_components import routing
from local_aws.sagemaker.invocation_errors import model_error, translated

_MB = 1024 * 1024
REAL_TIME_BYTES = 25 * _MB  # contracts.md 3.2: the developer guide's current limit
SERVERLESS_BYTES = 4 * _MB  # contracts.md 4
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
    "x-amzn-sagemaker-target-model": "TargetModel",
    "x-amzn-sagemaker-target-variant": "TargetVariant",
    "x-amzn-sagemaker-target-container-hostname": "TargetContainerHostname",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName",
    "x-amzn-sagemaker-inference-id": "InferenceId",
    "x-amzn-sagemaker-session-id": "SessionId",
}


def invoke(name: str, request: Request) -> Response:
    """The container's answer; ModelError 424 when it answers 4xx or 5xx (contracts.md 2.3)."""
    with held(name, request, operation="InvokeEndpoint") as (endpoint, slot):
        captured = _captured(endpoint, request)
        shadowing.mirror(endpoint, slot, request, captured)
        with translated(endpoint, slot):
            answer = slot.variant.invoke(request.body, request.headers)
        invocation_metrics.publish(endpoint.name, slot, answer)
        headers = {k.lower(): v for k, v in answer.headers.items()}
        if answer.status >= 400:
            raise model_error(
                endpoint.name, slot, answer.status, answer.body, container=answer.container
            )
        captured(slot, answer)
        returned = {_RETURNED[k]: v for k, v in headers.items() if k in _RETURNED}
        returned["x-Amzn-Invoked-Production-Variant"] = slot.name
        return Response(headers=returned, body=answer.body)


def _captured(endpoint: Endpoint, request: Request) -> shadowing.Answered:
    """What takes the answers to the request, of production and shadow, if it is captured at all."""
    capturer = endpoint.capturer
    if capturer is None or not capturer.take():
        return lambda _slot, _answer: None
    headers = request.headers

    def record(slot: Slot, answer: Invocation) -> None:
        given = {name.lower(): text for name, text in answer.headers.items()}
        capturer.record(
            slot.name,
            slot.role_arn,
            Message(body=request.body, content_type=headers.get("content-type")),
            Message(body=answer.body, content_type=given.get("content-type")),
            inference_id=headers.get("x-amzn-sagemaker-inference-id"),
            custom_attributes=headers.get("x-amzn-sagemaker-custom-attributes"),
        )

    return record


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
        invocation_targets.check(name, slot, request, operation)
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


def _check(name: str, request: Request, operation: str) -> None:
    params = {m: request.headers[h] for h, m in _MEMBERS.items() if request.headers.get(h)}
    try:
        # Without the body: its size is the endpoint kind's to limit, not the model's 6 MB.
        validation.validate(
            "sagemaker-runtime", operation, {"EndpointName": name, "Body": b"", **params}
        )
    except validation.ValidationError as error:
        raise invalid_call(error.message) from error


def _check_size(slot: Slot, request: Request) -> None:
    limit = SERVERLESS_BYTES if slot.serverless else REAL_TIME_BYTES
    if len(request.body) > limit:
        kind = "serverless" if slot.serverless else "real-time"
        raise invalid_call(
            f"The request body is {len(request.body)} bytes; a {kind} endpoint takes at most "
            f"{limit} bytes."
        )
