"""Asynchronous endpoints asked through S3."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlparse

from ops import aws, logs
from ops.endpoints.answers import Answer
from ops.endpoints.found import Endpoint
from ops.errors import OpsError

ASYNC_PATIENCE = 900.0  # a queue that starts from no instances needs minutes on real AWS
POLL_SECONDS = 0.1


def ask_async(endpoint: Endpoint, body: bytes, content_type: str, accept: str) -> Answer:
    place = stage(endpoint, body, content_type)
    begun = time.perf_counter()
    accepted = aws.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=endpoint.name,
        InputLocation=place,
        ContentType=content_type,
        Accept=accept,
    )
    return collect(endpoint, accepted, begun=begun)


def stage(endpoint: Endpoint, body: bytes, content_type: str) -> str:
    """The request body lies where the endpoint's role may read it; returns its S3 location."""
    # Our endpoints read from `input`, beside the `output` they write to: no more is granted.
    place = urlparse(endpoint.results.rstrip("/").rsplit("/", 1)[0])
    key = f"{place.path.lstrip('/')}/input/{time.time_ns()}"
    aws.client("s3").put_object(Bucket=place.netloc, Key=key, Body=body, ContentType=content_type)
    return f"s3://{place.netloc}/{key}"


def collect(endpoint: Endpoint, accepted: dict[str, Any], *, begun: float) -> Answer:
    """The result of an accepted asynchronous request, as soon as it lies in S3."""
    output, failure = str(accepted["OutputLocation"]), accepted.get("FailureLocation")
    deadline = time.monotonic() + ASYNC_PATIENCE
    while time.monotonic() < deadline:
        if (found := _object(output)) is not None:
            spent = (time.perf_counter() - begun) * 1000
            return Answer(body=found[0], content_type=found[1], milliseconds=spent, where=output)
        if failure and (fault := _object(str(failure))) is not None:
            group = endpoint.log_group
            raise OpsError(
                f"{endpoint.name} could not process the request: {fault[0].strip()}",
                log=logs.tail(group),
                log_name=group,
            )
        time.sleep(POLL_SECONDS)
    raise OpsError(
        f"{endpoint.name} wrote nothing to {output} in {ASYNC_PATIENCE / 60:.0f} minutes"
    )


def _object(uri: str) -> tuple[str, str] | None:
    from botocore.exceptions import ClientError

    place = urlparse(uri)
    try:
        found = aws.client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
    except ClientError as fault:
        # Without s3:ListBucket a missing key is answered 403, as S3 does it.
        if aws.error_code(fault) in ("NoSuchKey", "404", "AccessDenied", "403"):
            return None
        raise
    return found["Body"].read().decode("utf-8", "replace"), str(found.get("ContentType", ""))
