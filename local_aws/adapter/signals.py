"""Events and metrics our services emit, put into ministack's EventBridge and CloudWatch."""

import contextvars
import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from local_aws.adapter import process

# Alarms are evaluated on every arrival, so data points travel together when many come at once.
_BATCH_SECONDS = 0.2
_lock = threading.Lock()
_waiting: list[tuple[str, dict[str, Any]]] = []


def put_event(
    detail_type: str,
    detail: Mapping[str, Any],
    *,
    resources: Sequence[str],
    source: str = "aws.sagemaker",
) -> None:
    """Deliver an event of an AWS service to the default bus; its rules fire before this returns.

    In process, since EventBridge refuses `aws.*` sources from outside as AWS does.
    """
    from ministack.core.responses import request_scope
    from ministack.services import eventbridge

    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail, default=_json_default),
        "Resources": list(resources),
    }
    with request_scope(process.account(), process.region()):
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def put_metric(
    namespace: str,
    name: str,
    value: float,
    *,
    unit: str,
    dimensions: Mapping[str, str],
    timestamp: datetime | None = None,
) -> None:
    """Record one data point; alarms on it are evaluated within a fraction of a second."""
    from ministack import app

    datum = {
        "MetricName": name,
        "Value": value,
        "Unit": unit,
        "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
        "Timestamp": timestamp.timestamp() if timestamp else time.time(),
    }
    loop = app._MAIN_LOOP
    if loop is None or loop.is_closed():
        return  # nobody is left who could read it
    with _lock:
        first = not _waiting
        _waiting.append((namespace, datum))
    if first:
        # The metric store belongs to the event loop: it is not safe to touch from other threads.
        loop.call_soon_threadsafe(
            lambda: loop.call_later(_BATCH_SECONDS, _flush, context=contextvars.Context())
        )


def _flush() -> None:
    from ministack.core.responses import request_scope
    from ministack.services import cloudwatch

    with _lock:
        batch = list(_waiting)
        _waiting.clear()
    by_namespace: dict[str, list[dict[str, Any]]] = {}
    for namespace, datum in batch:
        by_namespace.setdefault(namespace, []).append(datum)
    with request_scope(process.account(), process.region()):
        for namespace, data in by_namespace.items():
            body = {"Namespace": namespace, "MetricData": data}
            cloudwatch._put_metric_data({}, body, False, is_json=True)


def _json_default(value: object) -> object:
    """Times as the services write them in events: milliseconds since the epoch."""
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    raise TypeError(f"an event cannot carry {type(value).__name__}")
