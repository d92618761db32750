"""What an asynchronous endpoint tells its topics (contracts 5.3)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from local_aws import adapter
from local_aws.runtime.async_request import AsyncRequest
from local_aws.runtime.containers import Invocation

LARGEST_INCLUDED_BYTES = 128 * 1024


def completed(
    request: AsyncRequest, endpoint_name: str, answer: Invocation, *, include: bool
) -> dict[str, Any]:
    """Return the message for the success topic."""
    message = _envelope(request, endpoint_name, "Completed")
    message["responseParameters"] = {
        "contentType": answer.headers.get("content-type", "application/octet-stream"),
        "outputLocation": request.output_location,
    }
    return _with_body(message, answer.body if include else None)


def failed(
    request: AsyncRequest,
    endpoint_name: str,
    reason: str,
    *,
    body: bytes | None = None,
) -> dict[str, Any]:
    """Return the message for the error topic; `body` is the model's answer, when wanted."""
    message = _envelope(request, endpoint_name, "Failed")
    message["failureReason"] = reason
    return _with_body(message, body)


def _with_body(message: dict[str, Any], body: bytes | None) -> dict[str, Any]:
    if body is not None and len(body) <= LARGEST_INCLUDED_BYTES:
        content = base64.b64encode(body).decode()
        message["responseBody"] = {"content": content, "message": "", "encoding": "BASE64"}
    return message


def _envelope(request: AsyncRequest, endpoint_name: str, status: str) -> dict[str, Any]:
    given = request.parameters
    parameters = {
        "accept": given.get("Accept"),
        "contentType": given.get("ContentType"),
        "customAttributes": given.get("CustomAttributes"),
        "endpointName": endpoint_name,
        "inputLocation": given.get("InputLocation"),
    }
    return {
        "awsRegion": adapter.region(),
        "eventTime": _stamp(datetime.now(UTC)),
        "receivedTime": _stamp(request.received),
        "invocationStatus": status,
        "requestParameters": {k: v for k, v in parameters.items() if v},  # only what was set
        "inferenceId": request.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
