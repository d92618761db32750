"""An endpoint of any kind asked with boto3."""

from __future__ import annotations

import time

from ops import aws
from ops.endpoints.answers import Answer, refusal
from ops.endpoints.asynchronous import ask_async
from ops.endpoints.found import Endpoint


def ask(endpoint: Endpoint, body: bytes, *, content_type: str, accept: str) -> Answer:
    """The endpoint's predictions for `body`."""
    from botocore.exceptions import ClientError

    try:
        if endpoint.kind == "async":
            return ask_async(endpoint, body, content_type, accept)
        begun = time.perf_counter()
        answer = aws.client("sagemaker-runtime").invoke_endpoint(
            **endpoint.target, Body=body, ContentType=content_type, Accept=accept
        )
        text = answer["Body"].read().decode("utf-8", "replace")
        spent = (time.perf_counter() - begun) * 1000
        return Answer(body=text, content_type=str(answer.get("ContentType")), milliseconds=spent)
    except ClientError as fault:
        raise refusal(endpoint, fault) from fault
