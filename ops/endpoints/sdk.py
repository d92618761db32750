"""An endpoint of any kind asked with the SageMaker Python SDK v3."""

from __future__ import annotations

import time
from typing import Any

from ops.endpoints.answers import Answer, refusal
from ops.endpoints.asynchronous import collect, stage
from ops.endpoints.found import Endpoint
from ops.errors import OpsError


def ask_with_sdk(endpoint: Endpoint, body: bytes, *, content_type: str, accept: str) -> Answer:
    """The same question through the SageMaker Python SDK v3 (2 s to import)."""
    from botocore.exceptions import ClientError
    from sagemaker.core.resources import Endpoint as SdkEndpoint

    try:
        # The SDK types every answer as optional; it raises where there is none.
        resource: Any = SdkEndpoint.get(endpoint_name=endpoint.name)
        if resource is None:
            raise OpsError(f"the SageMaker SDK finds no endpoint called {endpoint.name!r}")
        if endpoint.kind == "async":
            place = stage(endpoint, body, content_type)
            begun = time.perf_counter()
            accepted = resource.invoke_async(
                input_location=place, content_type=content_type, accept=accept
            )
            where = {
                "OutputLocation": accepted.output_location,
                "FailureLocation": accepted.failure_location,
            }
            return collect(endpoint, where, begun=begun)
        begun = time.perf_counter()
        named = {"inference_component_name": endpoint.component} if endpoint.component else {}
        answer = resource.invoke(body=body, content_type=content_type, accept=accept, **named)
        raw: Any = answer.body
        data = raw.read() if hasattr(raw, "read") else raw
    except ClientError as fault:
        raise refusal(endpoint, fault) from fault
    spent = (time.perf_counter() - begun) * 1000
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
    return Answer(body=text, content_type=str(answer.content_type), milliseconds=spent)
