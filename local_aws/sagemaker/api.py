"""The control plane's door: JSON 1.1 in, JSON 1.1 out."""

import copy
import json
from datetime import datetime
from typing import Any

from local_aws import validation
from local_aws.adapter.types import Request, Response
from local_aws.sagemaker.errors import ServiceError, invalid
from local_aws.sagemaker.operations import OPERATIONS

CONTENT_TYPE = "application/x-amz-json-1.1"


def call(operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """The operation's response; ServiceError for what the service refuses.

    This is what a request, a CloudFormation resource and a state machine's task have in common.
    """
    function = OPERATIONS.get(operation)
    if function is None:
        raise ServiceError(
            "UnknownOperationException",
            f"{operation} is not served by the local SageMaker; it serves: "
            f"{', '.join(sorted(OPERATIONS))}",
        )
    try:
        validation.validate("sagemaker", operation, params)
    except validation.ValidationError as error:
        raise invalid(error.message) from error
    given = {k: v for k, v in params.items() if v is not None}
    return function(copy.deepcopy(given))


def handle(request: Request) -> Response:
    """One control-plane request answered, refusals in the service's own shape."""
    try:
        try:
            params = json.loads(request.body or b"{}")
        except ValueError as error:
            raise ServiceError("SerializationException", "the body is not JSON") from error
        return _answer(200, call(request.action or "", params))
    except ServiceError as error:
        return refusal(error)


def refusal(error: ServiceError, *, content_type: str = CONTENT_TYPE) -> Response:
    """The error as clients read it: type in header and body, message, and the shape's members."""
    # boto3 reads `message`; the data plane's ModelError spells it `Message`.
    key = "Message" if content_type == "application/json" else "message"
    body = {"__type": error.code, key: error.message, **error.fields}
    response = _answer(error.status, body, content_type)
    return Response(
        status=response.status,
        headers={**response.headers, "x-amzn-errortype": error.code},
        body=response.body,
    )


def _answer(status: int, body: dict[str, Any], content_type: str = CONTENT_TYPE) -> Response:
    payload = json.dumps(body, default=_epoch).encode()
    return Response(status=status, headers={"Content-Type": content_type}, body=payload)


def _epoch(value: object) -> float:
    """A timestamp as JSON 1.1 carries it: seconds since the epoch."""
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} is not part of any response")
