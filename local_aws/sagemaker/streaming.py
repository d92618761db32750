"""InvokeEndpointWithResponseStream: the container's chunks as they come."""

import json
from collections.abc import Iterator

from local_aws.adapter.types import Request, Response
from local_aws.runtime.containers import RuntimeFailure, StreamRefused, Timeout
from local_aws.sagemaker import event_stream, invocation_metrics
from local_aws.sagemaker.deployment.endpoint import Endpoint
from local_aws.sagemaker.deployment.fleet import Slot
from local_aws.sagemaker.errors import invalid_call
from local_aws.sagemaker.invocation import held
from local_aws.sagemaker.invocation_errors import model_error, translated

_OPERATION = "InvokeEndpointWithResponseStream"


def invoke(name: str, request: Request) -> Response:
    """A stream of PayloadPart events, one for each chunk (contracts.md 3.1)."""
    headers = dict(request.headers)
    accept = headers.pop("x-amzn-sagemaker-accept", None)  # Accept travels under this name here
    if accept:
        headers["accept"] = accept
    with held(name, request, operation=_OPERATION, release=False) as (endpoint, slot):
        if slot.serverless:
            # contracts.md 4 says assume no: the service's answer is not documented.
            raise invalid_call(f"Endpoint {name} is serverless and does not stream responses.")
        try:
            with translated(endpoint, slot):
                chunks = slot.variant.invoke_stream(request.body, headers)
        except StreamRefused as refused:
            invocation_metrics.streamed(endpoint.name, slot, refused.status)
            raise model_error(
                endpoint.name, slot, refused.status, refused.body, container=refused.container
            ) from refused
        invocation_metrics.streamed(endpoint.name, slot, 200)
        return Response(
            headers={
                "Content-Type": "application/vnd.amazon.eventstream",
                "X-Amzn-SageMaker-Content-Type": "application/octet-stream",
                "x-Amzn-Invoked-Production-Variant": slot.name,
            },
            body=_parts(endpoint, slot, chunks),
        )


def _parts(endpoint: Endpoint, slot: Slot, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The events; an error after the first byte can only be an event itself."""
    try:
        for chunk in chunks:
            yield event_stream.event("PayloadPart", chunk)
    except (RuntimeFailure, Timeout) as failure:
        body = {"Message": str(failure), "ErrorCode": "ModelStreamError"}
        yield event_stream.exception("ModelStreamError", json.dumps(body).encode())
    finally:
        endpoint.release(slot)
