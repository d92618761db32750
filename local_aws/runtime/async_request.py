"""One request of an asynchronous endpoint: where it comes from, and where its result goes."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local_aws.runtime import s3

DEFAULT_TTL_SECONDS = 21_600  # contracts 5.1
DEFAULT_TIMEOUT_SECONDS = 900
_HEADERS = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
}
_S3_HOST = re.compile(
    r"https://(?:(?P<host>[^/]+)\.)?s3[.-][^/]*amazonaws\.com(?:\.cn)?/(?P<path>.+)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AsyncRequest:
    """An accepted InvokeEndpointAsync call."""

    inference_id: str
    parameters: Mapping[str, Any]
    output_location: str
    failure_location: str | None
    received: datetime = field(default_factory=lambda: datetime.now(UTC))
    received_at: float = field(default_factory=time.monotonic)

    @classmethod
    def accept(cls, parameters: Mapping[str, Any], output: Mapping[str, Any]) -> AsyncRequest:
        """Return the request with its locations settled under an OutputConfig.

        The file's name is a uuid that is not the inference id (contracts 5.2): nobody may compute
        it.
        """
        name = str(uuid.uuid4())
        extension = parameters.get("S3OutputPathExtension", "")
        failure_path = output.get("S3FailurePath")
        return cls(
            inference_id=parameters.get("InferenceId") or str(uuid.uuid4()),
            parameters=dict(parameters),
            output_location=s3.join(
                output["S3OutputPath"], extension, parameters.get("Filename") or f"{name}.out"
            ),
            failure_location=s3.join(failure_path, extension, f"{name}-error.out")
            if failure_path
            else None,
        )

    @property
    def age(self) -> float:
        """Seconds since the request was accepted."""
        return time.monotonic() - self.received_at

    @property
    def ttl(self) -> float:
        """Seconds of the service's time that the request may wait in the queue."""
        return float(self.parameters.get("RequestTTLSeconds", DEFAULT_TTL_SECONDS))

    @property
    def timeout(self) -> float:
        """Seconds the container has to answer."""
        return float(self.parameters.get("InvocationTimeoutSeconds", DEFAULT_TIMEOUT_SECONDS))

    def headers(self) -> dict[str, str]:
        """Return what the container gets as headers."""
        given = {
            header: str(self.parameters[name])
            for name, header in _HEADERS.items()
            if self.parameters.get(name)
        }
        return {**given, "X-Amzn-SageMaker-Inference-Id": self.inference_id}

    def body(self, store: s3.RoleS3) -> bytes:
        """Return the input, inline or read from S3; RuntimeFailure when it cannot be read."""
        if "InputLocation" not in self.parameters:
            return bytes(self.parameters["Body"])
        return store.read(_s3_uri(self.parameters["InputLocation"]))


def _s3_uri(location: str) -> str:
    """An S3 URI, also for the https form of an object's address."""
    match = _S3_HOST.fullmatch(location)
    if match is None:
        return location
    return f"s3://{match['host']}/{match['path']}" if match["host"] else f"s3://{match['path']}"
