"""Data capture: requests and answers of an endpoint as JSON lines in S3.

The shape is the developer guide's ("Capture data from real-time endpoint"): one object a flush
under `<destination>/<endpoint>/<variant>/yyyy/mm/dd/hh/`, one line a request.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local_aws import adapter
from local_aws.runtime import s3
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.logs import LogStream, endpoint_group
from local_aws.runtime.sampling import Sampler

FLUSH_SECONDS = 60.0  # of the service's time; how long it buffers is not published
SHORTEST_FLUSH_SECONDS = 0.2
MOST_BUFFERED = 1000  # records of one variant; then they are written at once
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A request or an answer: its body and what it says it is."""

    body: bytes
    content_type: str | None


class Capture:
    """Writes what it is given, soon after and never in the way of a request.

    Written with the execution role of the variant: where that may not write, `working` is False,
    the endpoint's log group says why in a stream `<variant>/data-capture`, and the records are
    lost. Streams and asynchronous requests are not captured.
    """

    def __init__(self, endpoint_name: str, config: Mapping[str, Any]) -> None:
        self.config = config
        self.working = True
        self._endpoint_name = endpoint_name
        self._modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        self._headers: Mapping[str, Any] = config.get("CaptureContentTypeHeader", {})
        self._sampler = Sampler()
        self._waiting: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._lock = threading.Lock()
        self._closed, self._full = threading.Event(), threading.Event()
        self._logs: dict[str, LogStream] = {}
        self._thread = threading.Thread(
            target=self._run, name=f"capture-{endpoint_name}", daemon=True
        )
        self._thread.start()

    def take(self) -> bool:
        """Whether the next request is in the sample."""
        return self._sampler.take(self.config["InitialSamplingPercentage"] / 100)

    def record(
        self,
        variant_name: str,
        role_arn: str,
        request: Message,
        answer: Message,
        *,
        inference_id: str | None = None,
        custom_attributes: str | None = None,
    ) -> None:
        """Queue one request with its answer."""
        data = {}
        if self._modes & {"Input", "InputAndOutput"}:
            data["endpointInput"] = self._data("INPUT", request)
        if self._modes & {"Output", "InputAndOutput"}:
            data["endpointOutput"] = self._data("OUTPUT", answer)
        metadata: dict[str, Any] = {
            "eventId": str(uuid.uuid4()),
            "inferenceTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if inference_id:
            metadata["inferenceId"] = inference_id
        if custom_attributes:
            metadata["customAttributes"] = [custom_attributes]
        line = json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"})
        with self._lock:
            lines = self._waiting[variant_name, role_arn]
            lines.append(line)
            if len(lines) >= MOST_BUFFERED:
                self._full.set()
            late = self._closed.is_set()
        if late:  # a request that was under way when another configuration took over
            threading.Thread(target=self._write_the_rest, name="capture-late", daemon=True).start()

    def close(self) -> None:
        """Return once everything recorded was written or given up; what comes later is, too."""
        self._closed.set()
        self._full.set()
        self._thread.join(timeout=30)
        self._write_the_rest()

    def _write_the_rest(self) -> None:
        self._flush()
        logs, self._logs = self._logs, {}
        for log in logs.values():
            log.close()

    def _data(self, mode: str, message: Message) -> dict[str, Any]:
        kind = (message.content_type or "").split(";")[0].strip().lower()
        encoding = "BASE64"  # the API's default for what no list names
        for name, member in (("CSV", "CsvContentTypes"), ("JSON", "JsonContentTypes")):
            if kind in (listed.lower() for listed in self._headers.get(member, [])):
                encoding = name
        text = (
            base64.b64encode(message.body).decode()
            if encoding == "BASE64"
            else message.body.decode(errors="replace")
        )
        data = {"mode": mode, "data": text, "encoding": encoding}
        return {"observedContentType": message.content_type, **data} if kind else data

    def _run(self) -> None:
        while not self._closed.is_set():
            self._full.wait(max(SHORTEST_FLUSH_SECONDS, adapter.scaled(FLUSH_SECONDS)))
            self._full.clear()
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, defaultdict(list)
        for (variant_name, role_arn), lines in waiting.items():
            try:
                self._write(variant_name, role_arn, lines)
                self.working = True
            except RuntimeFailure as failure:
                self.working = False
                self._say(variant_name, role_arn, failure.reason, len(lines))

    def _write(self, variant_name: str, role_arn: str, lines: list[str]) -> None:
        now = datetime.now(UTC)
        uri = s3.join(
            self.config["DestinationS3Uri"],
            self._endpoint_name,
            variant_name,
            now.strftime("%Y/%m/%d/%H"),
            f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl",
        )
        body = "".join(f"{line}\n" for line in lines).encode()
        s3.RoleS3(role_arn).write(
            uri,
            body,
            content_type="application/jsonlines",
            kms_key=self.config.get("KmsKeyId") or None,
        )

    def _say(self, variant_name: str, role_arn: str, reason: str, lost: int) -> None:
        text = f"data capture lost {lost} record{'s' if lost > 1 else ''}: {reason}"
        _log.warning("endpoint %s, variant %s: %s", self._endpoint_name, variant_name, text)
        if variant_name not in self._logs:
            stream = f"{variant_name}/data-capture"
            group = endpoint_group(self._endpoint_name)
            self._logs[variant_name] = LogStream(group, stream, role_arn=role_arn)
        self._logs[variant_name].write(text)
