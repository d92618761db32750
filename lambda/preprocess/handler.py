"""The Lambda function: one event, one dataset version."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from preprocess import job
from preprocess import source as raw
from preprocess.dataset import Dataset
from preprocess.faults import DatasetRejected
from preprocess.publish import Publication
from preprocess.s3 import S3
from preprocess.source import Source

if TYPE_CHECKING:
    from preprocess.run import Prepared

logger = Logger(service="preprocess")
metrics = Metrics(namespace="SageMakerWorkflow", service="preprocess")
FUNCTION_SECONDS, FUNCTION_MB = 900.0, 2048


@cache
def s3() -> S3:
    """Return the function's S3 client, made once a process."""
    return S3.from_environment()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Publish the object's dataset version and return where it is; raise `DatasetRejected`.

    `event` has `object` (bucket, key, and version_id, etag, size, sequencer where the sender knows
    them; `starts_training`, false where no training is to follow), `dataset` (the declaration) and
    `output` (bucket). Running it again, or twice at once, changes nothing that was published, and
    an older version of an object never takes the place of a newer one: the answer to its event is
    the newer one's, with the status `superseded`.
    """
    try:
        return _run(event, context)
    except DatasetRejected as rejected:
        logger.warning("rejected", extra={"faults": rejected.faults})
        metrics.add_metric(name="Rejected", unit=MetricUnit.Count, value=1)
        raise


def _run(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    started = time.monotonic()
    where = event["object"]
    logger.append_keys(
        dataset=event["dataset"].get("name"), bucket=where["bucket"], key=where["key"]
    )

    def prepare(dataset: Dataset, source: Source, publication: Publication) -> Prepared:
        size: dict[str, Any] = {"timeout_seconds": _seconds_left(context), "memory_mb": _memory()}
        raw.refuse_size(source, **size)
        form = raw.form(s3(), source)
        raw.refuse_size(source, **size, packed=form.holds_more)
        # polars takes longer to import than all of this; what ends before here goes without.
        from preprocess import run

        return run.prepare(dataset, s3(), source, publication.bucket, publication.key, form)

    outcome = job.process(event, s3(), prepare)
    seconds = round(time.monotonic() - started, 3)
    _report(outcome.status, outcome.rows, seconds)
    return {**outcome.result(), "seconds": seconds}


def _seconds_left(context: Any) -> float:
    left = getattr(context, "get_remaining_time_in_millis", None)
    return left() / 1000 if left else FUNCTION_SECONDS


def _memory() -> int:
    return int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", str(FUNCTION_MB)))


def _report(status: str, rows: Mapping[str, int], seconds: float) -> None:
    logger.info(status, extra={"rows": rows, "seconds": seconds})
    metrics.add_metric(name="RowsIn", unit=MetricUnit.Count, value=rows.get("in", 0))
    quarantined = rows.get("quarantined", 0)
    metrics.add_metric(name="RowsQuarantined", unit=MetricUnit.Count, value=quarantined)
    metrics.add_metric(name="Seconds", unit=MetricUnit.Seconds, value=seconds)
