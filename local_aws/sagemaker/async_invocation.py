"""InvokeEndpointAsync: a request for later, answered with where its result will be."""

import json
from typing import Any

from local_aws import validation
from local_aws.adapter.types import Request, Response
from local_aws.sagemaker.errors import invalid_call
from local_aws.sagemaker.invocation import callable_endpoint

INLINE_BYTES = 128_000  # contracts.md 5.1: the most that may travel in the body
_HEADERS = {
    "x-amzn-sagemaker-content-type": "ContentType",
    "x-amzn-sagemaker-accept": "Accept",
    "x-amzn-sagemaker-custom-attributes": "CustomAttributes",
    "x-amzn-sagemaker-inference-id": "InferenceId",
    "x-amzn-sagemaker-inputlocation": "InputLocation",
    "x-amzn-sagemaker-s3outputpathextension": "S3OutputPathExtension",
    "x-amzn-sagemaker-filename": "Filename",
    "x-amzn-sagemaker-requestttlseconds": "RequestTTLSeconds",
    "x-amzn-sagemaker-invocationtimeoutseconds": "InvocationTimeoutSeconds",
}


def invoke(name: str, request: Request) -> Response:
    """The request is queued: 202 with its id, and where output or failure will be."""
    endpoint = callable_endpoint(name)
    queue = endpoint.queue
    if queue is None:
        raise invalid_call(
            f"Endpoint {name} is not configured for asynchronous inference: it has no "
            "AsyncInferenceConfig. Use InvokeEndpoint."
        )
    params: dict[str, Any] = {
        member: request.headers[header]
        for header, member in _HEADERS.items()
        if request.headers.get(header)
    }
    params = validation.coerce("sagemaker-runtime", "InvokeEndpointAsync", params)
    _check(name, params, request.body)
    answer = queue.submit(params | ({"Body": request.body} if request.body else {}))
    headers = {
        "Content-Type": "application/json",
        "X-Amzn-SageMaker-OutputLocation": answer["OutputLocation"],
    }
    if answer.get("FailureLocation"):
        headers["X-Amzn-SageMaker-FailureLocation"] = answer["FailureLocation"]
    body = json.dumps({"InferenceId": answer["InferenceId"]}).encode()
    return Response(status=202, headers=headers, body=body)


def _check(name: str, params: dict[str, Any], body: bytes) -> None:
    try:
        validation.validate(
            "sagemaker-runtime", "InvokeEndpointAsync", {"EndpointName": name, **params}
        )
    except validation.ValidationError as error:
        raise invalid_call(error.message) from error
    if ("InputLocation" in params) == bool(body):
        raise invalid_call("Give exactly one of InputLocation and Body")
    if len(body) > INLINE_BYTES:
        raise invalid_call(
            f"Body is {len(body)} bytes; inline input takes at most {INLINE_BYTES}: put it into "
            "S3 and send its InputLocation"
        )
    if not params.get("InputLocation", "s3://").startswith(("s3://", "https://")):
        raise invalid_call(f"InputLocation must be an S3 URI, got {params['InputLocation']}")
    if params.get("Filename", "").count(".") > 1:
        raise invalid_call(f"Filename takes at most one dot, got {params['Filename']}")
