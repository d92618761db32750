"""Container output in CloudWatch Logs, under the groups and streams SageMaker uses."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import adapter

TRAINING_GROUP = "/aws/sagemaker/TrainingJobs"  # contracts 1.6
PROCESSING_GROUP = "/aws/sagemaker/ProcessingJobs"  # contracts 7
TRANSFORM_GROUP = "/aws/sagemaker/TransformJobs"  # contracts 6
BATCH_EVENTS = 500  # PutLogEvents takes 10 000 and 1 MB; smaller batches show up sooner
BATCH_BYTES = 512 * 1024
FLUSH_SECONDS = 0.5  # how late a line may be seen; a batch a second costs nothing

_log = logging.getLogger(__name__)


def endpoint_group(endpoint_name: str) -> str:
    """Return the log group of an endpoint (contracts 2.2)."""
    return f"/aws/sagemaker/Endpoints/{endpoint_name}"


def component_group(component_name: str) -> str:
    """Return the log group of an inference component (contracts 3.4)."""
    return f"/aws/sagemaker/InferenceComponents/{component_name}"


class LogStream:
    """A log stream that takes lines without waiting and delivers them in small batches.

    Written with the execution role: a role without `logs:PutLogEvents` loses the logs, not the
    job, exactly as on SageMaker; the local AWS says so once on its own standard error.
    """

    def __init__(self, group: str, stream: str, *, role_arn: str) -> None:
        self.group, self.stream = group, stream
        self._role_arn = role_arn
        self._events: queue.Queue[tuple[int, str] | None] = queue.Queue()
        self._warned = False
        self._client: Any = None
        self._thread = threading.Thread(target=self._run, name=f"logs-{stream}", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Queue one line; it is in the stream about half a second later."""
        self._events.put((int(time.time() * 1000), line))

    def close(self) -> None:
        """Return once every line was delivered, or after 10 seconds."""
        self._events.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        open_ = True
        while open_:
            batch, open_ = self._next_batch()
            if batch:
                self._deliver(batch)

    def _next_batch(self) -> tuple[list[dict[str, Any]], bool]:
        batch: list[dict[str, Any]] = []
        size = 0
        deadline: float | None = None
        while len(batch) < BATCH_EVENTS and size < BATCH_BYTES:
            timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                event = self._events.get(timeout=timeout)
            except queue.Empty:
                break
            if event is None:
                return batch, False
            deadline = deadline or time.monotonic() + FLUSH_SECONDS
            timestamp, line = event
            batch.append({"timestamp": timestamp, "message": line or " "})  # empty is refused
            size += len(line) + 26  # CloudWatch's own overhead per event
        return batch, True

    def _deliver(self, batch: list[dict[str, Any]]) -> None:
        try:
            if self._client is None:
                self._client = adapter.client("logs", role_arn=self._role_arn)
            try:
                self._put(batch)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                self._create()
                self._put(batch)
        except (ClientError, BotoCoreError, RuntimeError) as error:
            if not self._warned:
                self._warned = True
                _log.warning("no logs for %s %s: %s", self.group, self.stream, error)

    def _put(self, batch: list[dict[str, Any]]) -> None:
        self._client.put_log_events(
            logGroupName=self.group, logStreamName=self.stream, logEvents=batch
        )

    def _create(self) -> None:
        # The stream first: where the group exists already, the role needs no CreateLogGroup.
        arguments = {"logGroupName": self.group, "logStreamName": self.stream}
        try:
            self._client.create_log_stream(**arguments)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ResourceAlreadyExistsException":
                return
            if code != "ResourceNotFoundException":
                raise
            self._create_group()
            self._client.create_log_stream(**arguments)

    def _create_group(self) -> None:
        try:
            self._client.create_log_group(logGroupName=self.group)
        except ClientError as error:  # two processes of one endpoint start together
            if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                raise
