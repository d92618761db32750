"""The Lambda function: one event, one dataset version."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from preprocess import dataset as declaration
from preprocess import source as raw
from preprocess.dataset import SPLITS, Dataset
from preprocess.faults import DatasetRejected, ObjectFault
from preprocess.publish import Publication, version_of
from preprocess.run import Prepared, prepare

logger = Logger(service="preprocess")
metrics = Metrics(namespace="SageMakerWorkflow", service="preprocess")
CHANGE = "Correct the object and upload it again, or change [dataset] in the configuration."


@cache
def s3() -> Any:
    """Return the function's S3 client, made once a process."""
    return boto3.client("s3")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Publish the object's dataset version and return where it is; raise `DatasetRejected`.

    `event` has `object` (bucket, key, and version_id, etag, size where the sender knows them),
    `dataset` (the declaration) and `output` (bucket). Running it again, or twice at once, changes
    nothing that was published.
    """
    try:
        return _run(event)
    except DatasetRejected as rejected:
        logger.warning("rejected", extra={"faults": rejected.faults})
        metrics.add_metric(name="Rejected", unit=MetricUnit.Count, value=1)
        raise


def _run(event: Mapping[str, Any]) -> dict[str, Any]:
    started = time.monotonic()
    block, where = event["dataset"], event["object"]
    dataset = declaration.parse(block)
    logger.append_keys(dataset=dataset.name, bucket=where["bucket"], key=where["key"])
    try:
        source = raw.describe(s3(), where)
    except ObjectFault as fault:
        address = f"s3://{where['bucket']}/{where['key']}"
        raise DatasetRejected(address, fault.faults, CHANGE) from None
    publication = Publication(
        s3=s3(),
        bucket=event["output"]["bucket"],
        dataset=dataset.name,
        version=version_of(source, block),
    )
    manifest, status = publication.published(), "unchanged"
    if manifest is None:
        manifest, status = _publish(dataset, source, publication)
    seconds = round(time.monotonic() - started, 3)
    _report(status, manifest["rows"], seconds)
    return {
        "status": status,
        "dataset": dataset.name,
        "version": publication.version,
        "manifest": {
            "bucket": publication.bucket,
            "key": publication.key("manifest.json"),
            "uri": publication.uri("manifest.json"),
        },
        "rows": manifest["rows"],
        "seconds": seconds,
    }


def _publish(
    dataset: Dataset, source: raw.Source, publication: Publication
) -> tuple[dict[str, Any], str]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            raw.refuse_size(source)
            prepared = prepare(dataset, source.chunks(s3()), Path(folder))
        except ObjectFault as fault:
            rejected = DatasetRejected(source.uri, fault.faults, CHANGE)
            _record_rejection(rejected, source, publication)
            raise rejected from None
        for part in SPLITS:
            publication.put_file(f"{part}/{part}.csv", prepared.files[part])
        if prepared.quarantine:
            publication.put_file("quarantine/rows.csv", prepared.quarantine)
        publication.put_json("schema/schema.json", prepared.encoding.schema(publication.version))
        publication.put_json("statistics.json", {"format": 1, **prepared.statistics})
        manifest = _manifest(dataset, source, publication, prepared)
    return manifest, "published" if publication.put_manifest(manifest) else "unchanged"


def _manifest(
    dataset: Dataset, source: raw.Source, publication: Publication, prepared: Prepared
) -> dict[str, Any]:
    quarantine = publication.uri("quarantine/rows.csv") if prepared.quarantine else None
    return {
        "format": 1,
        "dataset": dataset.name,
        "version": publication.version,
        "problem": dataset.problem,
        "source": _described(source),
        "rows": prepared.rows,
        "channels": {name: publication.uri(f"{name}/") for name in (*SPLITS, "schema")},
        "statistics": publication.uri("statistics.json"),
        "quarantine": quarantine,
        "created_by": "preprocess",
    }


def _described(source: raw.Source) -> dict[str, Any]:
    names = ("bucket", "key", "etag", "version_id", "size")
    return {name: getattr(source, name) for name in names}


def _record_rejection(
    rejected: DatasetRejected, source: raw.Source, publication: Publication
) -> None:
    publication.put_rejection(
        {
            "format": 1,
            "dataset": publication.dataset,
            "version": publication.version,
            "source": _described(source),
            "faults": rejected.faults,
            "message": str(rejected),
            "created_by": "preprocess",
        }
    )


def _report(status: str, rows: Mapping[str, int], seconds: float) -> None:
    logger.info(status, extra={"rows": rows, "seconds": seconds})
    metrics.add_metric(name="RowsIn", unit=MetricUnit.Count, value=rows["in"])
    metrics.add_metric(name="RowsQuarantined", unit=MetricUnit.Count, value=rows["quarantined"])
    metrics.add_metric(name="Seconds", unit=MetricUnit.Seconds, value=seconds)
