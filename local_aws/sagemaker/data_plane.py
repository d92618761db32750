"""SageMaker Runtime's door: invocations, streams, asynchronous invocations, metrics."""

import json
import re
from collections.abc import Callable
from urllib.parse import unquote

from local_aws.adapter.types import Request, Response
from local_aws.sagemaker import api, async_invocation, custom_metrics, invocation, streaming
from local_aws.sagemaker.errors import ServiceError

_CONTENT_TYPE = "application/json"
_ENDPOINT = re.compile(r"/endpoints/(?P<name>[^/]+)/(?P<what>[a-z-]+)")
_CALLS: dict[str, Callable[[str, Request], Response]] = {
    "invocations": invocation.invoke,
    "invocations-response-stream": streaming.invoke,
    "async-invocations": async_invocation.invoke,
}
PATH_PREFIXES = ("/endpoints/", "/BatchPutMetrics")


def handle(request: Request) -> Response:
    """One REST request answered, refusals in SageMaker Runtime's shape."""
    try:
        if request.method == "PUT" and request.path == "/BatchPutMetrics":
            return _json(custom_metrics.batch_put(request))
        match = _ENDPOINT.fullmatch(request.path)
        call = _CALLS.get(match["what"]) if match else None
        if match is None or call is None or request.method != "POST":
            raise ServiceError(
                "UnknownOperationException",
                f"{request.method} {request.path} is not served by the local SageMaker",
                status=404,
            )
        return call(unquote(match["name"]), request)
    except ServiceError as error:
        return api.refusal(error, content_type=_CONTENT_TYPE)


def _json(body: dict[str, object]) -> Response:
    return Response(headers={"Content-Type": _CONTENT_TYPE}, body=json.dumps(body).encode())
