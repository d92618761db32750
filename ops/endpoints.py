"""Endpoints asked for predictions, whatever their kind, on real AWS and here alike."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from ops import aws, logs
from ops.errors import OpsError
from ops.settings import Deployment

ASYNC_PATIENCE = 900.0  # a queue that starts from no instances needs minutes on real AWS
POLL_SECONDS = 0.1
CONTENT_TYPES = {".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonlines"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """An endpoint by its full name, and which of the kinds it is."""

    name: str
    kind: str  # "real-time" | "serverless" | "async"
    status: str
    results: str = ""  # where an asynchronous endpoint writes, an S3 URI


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What an endpoint answered, and how long it took in milliseconds."""

    body: str
    content_type: str
    milliseconds: float
    where: str = ""


def resolve(deployment: Deployment, name: str) -> Endpoint:
    """The endpoint called `name`, by the workflow's short name or by its full name."""
    from botocore.exceptions import ClientError

    sagemaker = aws.client("sagemaker")
    known = aws.published_under(deployment, "endpoints")
    full = known.get(name, name)
    try:
        found = sagemaker.describe_endpoint(EndpointName=full)
    except ClientError as fault:
        message = aws.error_message(fault)
        if "ould not find" not in message and "does not exist" not in message:
            raise
        if name in known:
            raise OpsError(
                f"the endpoint {full} does not exist yet: no model has been approved for it",
                fix="make upload FILE=<data.csv>, then make approve",
            ) from fault
        raise OpsError(
            f"there is no endpoint called {name!r}",
            fix="the workflow's own are: " + (", ".join(known) or "none"),
        ) from fault
    config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    output = (config.get("AsyncInferenceConfig") or {}).get("OutputConfig") or {}
    return Endpoint(
        name=full,
        kind=kind_of(config),
        status=str(found["EndpointStatus"]),
        results=str(output.get("S3OutputPath") or ""),
    )


def kind_of(config: dict[str, Any]) -> str:
    """Which kind of endpoint a configuration makes."""
    if config.get("AsyncInferenceConfig"):
        return "async"
    variants = config.get("ProductionVariants") or [{}]
    return "serverless" if variants[0].get("ServerlessConfig") else "real-time"


def content_type_of(path: Path) -> str:
    """The content type a file's name stands for."""
    try:
        return CONTENT_TYPES[path.suffix.lower()]
    except KeyError:
        raise OpsError(
            f"{path.name}: its ending does not say what it holds",
            fix="name it *.csv, *.json or *.jsonl, or give --content-type",
        ) from None


def ask(endpoint: Endpoint, body: bytes, *, content_type: str, accept: str) -> Answer:
    """The endpoint's predictions for `body`."""
    from botocore.exceptions import ClientError

    try:
        if endpoint.kind == "async":
            return _ask_async(endpoint, body, content_type, accept)
        begun = time.perf_counter()
        answer = aws.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint.name, Body=body, ContentType=content_type, Accept=accept
        )
        text = answer["Body"].read().decode("utf-8", "replace")
        spent = (time.perf_counter() - begun) * 1000
        return Answer(body=text, content_type=str(answer.get("ContentType")), milliseconds=spent)
    except ClientError as fault:
        raise refusal(endpoint, fault) from fault


def refusal(endpoint: Endpoint, fault: Exception) -> OpsError:
    """An endpoint's refusal as a sentence: what the model said, and where its logs are."""
    response = getattr(fault, "response", {})
    group = f"/aws/sagemaker/Endpoints/{endpoint.name}"
    if aws.error_code(fault) != "ModelError":
        return OpsError(f"{endpoint.name} refuses the request: {aws.error_message(fault)}")
    status = response.get("OriginalStatusCode")
    said = str(response.get("OriginalMessage") or aws.error_message(fault)).strip()
    theirs = isinstance(status, int) and 400 <= status < 500
    return OpsError(
        f"the model behind {endpoint.name} answered {status}: {said}",
        fix=(
            "correct the request"
            if theirs
            else f"read the container's log: python -m ops local logs {group}"
        ),
        log=[] if theirs else logs.tail(group),
        log_name=group,
    )


def _ask_async(endpoint: Endpoint, body: bytes, content_type: str, accept: str) -> Answer:
    place = _stage(endpoint, body, content_type)
    begun = time.perf_counter()
    accepted = aws.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=endpoint.name,
        InputLocation=place,
        ContentType=content_type,
        Accept=accept,
    )
    return collect(endpoint, accepted, begun=begun)


def _stage(endpoint: Endpoint, body: bytes, content_type: str) -> str:
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
            group = f"/aws/sagemaker/Endpoints/{endpoint.name}"
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


def first_prediction(answer: Answer) -> str:
    """The first prediction of an answer in a few words, for the closing table."""
    try:
        first = json.loads(answer.body)["predictions"][0]
    except (ValueError, KeyError, IndexError, TypeError):
        line = answer.body.strip().splitlines()[0] if answer.body.strip() else "nothing"
        return line[:60]
    if "value" in first:
        return f"{float(first['value']):.4g}"
    chances = first.get("probabilities") or {}
    chance = chances.get(str(first.get("label")))
    return f"{first.get('label')}" + (f" (p {float(chance):.2f})" if chance is not None else "")


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
            place = _stage(endpoint, body, content_type)
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
        answer = resource.invoke(body=body, content_type=content_type, accept=accept)
        raw: Any = answer.body
        data = raw.read() if hasattr(raw, "read") else raw
    except ClientError as fault:
        raise refusal(endpoint, fault) from fault
    spent = (time.perf_counter() - begun) * 1000
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
    return Answer(body=text, content_type=str(answer.content_type), milliseconds=spent)
