"""From a request taken off the queue to its result in S3 and its message on a topic."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import adapter
from local_aws.runtime import async_messages, s3
from local_aws.runtime.async_metrics import AsyncMetrics
from local_aws.runtime.async_request import AsyncRequest
from local_aws.runtime.containers import Invocation, RuntimeFailure, Timeout, Unavailable
from local_aws.runtime.hosting import Variant
from local_aws.runtime.logs import LogStream

_SEE_LOGS = "See the SageMaker Endpoint logs in your account for more information."
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class NoCapacity(Exception):  # noqa: N818  a state, not an error: the request waits on
    """The variant lost its last container before the request reached one."""


class Delivery:
    """Processes requests with the execution role's permissions and reports on each."""

    def __init__(
        self,
        endpoint_name: str,
        config: Mapping[str, Any],
        *,
        metrics: AsyncMetrics,
        data_log: LogStream,
    ) -> None:
        self._endpoint_name = endpoint_name
        self._output: Mapping[str, Any] = config["OutputConfig"]
        self._notification = self._output.get("NotificationConfig") or {}
        self._include = set(self._notification.get("IncludeInferenceResponseIn") or [])
        self._metrics, self._data_log = metrics, data_log

    def process(self, request: AsyncRequest, variant: Variant) -> None:
        """Leave the request's output or failure in S3 and on a topic; NoCapacity if neither."""
        role = variant.spec.container.role_arn
        self._metrics.time("TimeInBacklog", request.age * 1000, "Milliseconds")
        try:
            self._succeed(request, role, self._result(request, role, variant))
        except _FailedError as failure:
            self.fail(request, role, failure.reason, body=failure.body)
        self._metrics.count("InvocationsProcesssed")  # spelt so in the guide (contracts 5.5)
        self._metrics.time("TotalProcessingTime", request.age * 1000, "Milliseconds")

    def fail(
        self, request: AsyncRequest, role: str, reason: str, *, body: bytes | None = None
    ) -> None:
        """Leave the failure object, if there is a path for it, and the error message."""
        self._metrics.count("InvocationFailures")
        self._data_log.write(f"{request.inference_id}: {reason}")
        if request.failure_location:
            try:
                self._write(role, request.failure_location, body or reason.encode(), None)
            except RuntimeFailure as failure:
                self._metrics.count("ResponseUploadFailures")
                self._data_log.write(f"{request.inference_id}: {failure.reason}")
        included = body if "ERROR_NOTIFICATION_TOPIC" in self._include else None
        message = async_messages.failed(request, self._endpoint_name, reason, body=included)
        self._publish(role, self._notification.get("ErrorTopic"), message)

    def _result(self, request: AsyncRequest, role: str, variant: Variant) -> Invocation:
        try:
            body = self._timed("RequestDownloadLatency", lambda: request.body(s3.RoleS3(role)))
        except RuntimeFailure as failure:
            self._metrics.count("RequestDownloadFailures")
            raise _FailedError(f"ClientError: {failure.reason}") from failure
        try:
            answer = variant.invoke(body, request.headers(), timeout=request.timeout)
        except Timeout as failure:
            raise _FailedError(f"ClientError: {failure}. {_SEE_LOGS}") from failure
        except Unavailable as failure:
            raise NoCapacity from failure
        except RuntimeFailure as failure:
            raise _FailedError(f"InternalServerError: {failure.reason}. {_SEE_LOGS}") from failure
        if answer.status >= 300:
            kind = "client" if 400 <= answer.status < 500 else "server"
            raise _FailedError(
                f"ClientError: Received {kind} error ({answer.status}) from model. {_SEE_LOGS}",
                answer.body,
            )
        return answer

    def _succeed(self, request: AsyncRequest, role: str, answer: Invocation) -> None:
        content_type = answer.headers.get("content-type")
        try:
            self._timed(
                "ResponseUploadLatency",
                lambda: self._write(role, request.output_location, answer.body, content_type),
            )
        except RuntimeFailure as failure:
            self._metrics.count("ResponseUploadFailures")
            raise _FailedError(f"ClientError: {failure.reason}") from failure
        self._data_log.write(f"{request.inference_id}: {request.output_location}")
        include = "SUCCESS_NOTIFICATION_TOPIC" in self._include
        message = async_messages.completed(request, self._endpoint_name, answer, include=include)
        self._publish(role, self._notification.get("SuccessTopic"), message)

    def _write(self, role: str, uri: str, body: bytes, content_type: str | None) -> None:
        kms_key = self._output.get("KmsKeyId") or None
        s3.RoleS3(role).write(uri, body, content_type=content_type, kms_key=kms_key)

    def _publish(self, role: str, topic: str | None, message: Mapping[str, Any]) -> None:
        if not topic:
            return
        try:
            adapter.client("sns", role_arn=role, session_name="SageMaker").publish(
                TopicArn=topic, Message=json.dumps(message)
            )
        except (ClientError, BotoCoreError) as error:
            self._metrics.count("NotificationFailures")
            _log.warning("endpoint %s: no message on %s: %s", self._endpoint_name, topic, error)

    def _timed(self, name: str, call: Callable[[], _T]) -> _T:
        began = time.monotonic()
        result = call()
        self._metrics.time(name, (time.monotonic() - began) * 1e6, "Microseconds")
        return result


class _FailedError(Exception):
    """A request that ends with a failure, and the model's own words if it had any."""

    def __init__(self, reason: str, body: bytes | None = None) -> None:
        super().__init__(reason)
        self.reason, self.body = reason, body
