"""The Lambda function: one event, one dataset version."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from preprocess import dataset as declaration
from preprocess import source as raw
from preprocess.dataset import SPLITS, Dataset
from preprocess.faults import DatasetRejected, ObjectFault
from preprocess.publish import Publication, version_of
from preprocess.s3 import S3

if TYPE_CHECKING:
    from preprocess.run import Prepared

logger = Logger(service="preprocess")
metrics = Metrics(namespace="SageMakerWorkflow", service="preprocess")
CHANGE = "Correct the object and upload it again, or change [dataset] in the configuration."
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
    them), `dataset` (the declaration) and `output` (bucket). Running it again, or twice at once,
    changes nothing that was published, and an older version of an object never takes the place of
    a newer one: the answer to its event is the newer one's, with the status `superseded`.
    """
    try:
        return _run(event, context)
    except DatasetRejected as rejected:
        logger.warning("rejected", extra={"faults": rejected.faults})
        metrics.add_metric(name="Rejected", unit=MetricUnit.Count, value=1)
        raise


def _run(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
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
    newer, status = publication.newer(source), "superseded"
    manifest = publication.published()
    if newer is None and manifest is not None:
        newer, status = publication.claim(source), "unchanged"
    elif newer is None:
        newer, status, manifest = _publish(dataset, source, publication, context)
    if newer is not None:
        status = "superseded"
        if manifest is None:
            _record(_superseded(source, newer), source, publication)
        manifest = publication.published(newer["version"])
    version = newer["version"] if newer else publication.version
    key = f"{dataset.name}/{version}/manifest.json"
    rows = manifest["rows"] if manifest else {}
    seconds = round(time.monotonic() - started, 3)
    _report(status, rows, seconds)
    return {
        "status": status,
        "dataset": dataset.name,
        "version": version,
        "manifest": {
            "bucket": publication.bucket,
            "key": key,
            "uri": f"s3://{publication.bucket}/{key}",
        },
        "rows": rows,
        "seconds": seconds,
    }


def _publish(
    dataset: Dataset, source: raw.Source, publication: Publication, context: Any
) -> tuple[dict[str, Any] | None, str, dict[str, Any] | None]:
    """Return what is newer than this version, the status and the manifest."""
    try:
        raw.refuse_size(source, timeout_seconds=_seconds_left(context), memory_mb=_memory())
        # polars takes longer to import than all of this; what ends before here goes without.
        from preprocess.run import prepare

        prepared = prepare(dataset, s3(), source, publication.bucket, publication.key)
    except ObjectFault as fault:
        rejected = DatasetRejected(source.uri, fault.faults, CHANGE)
        _record(rejected, source, publication)
        raise rejected from None
    publication.put_json("schema/schema.json", prepared.fitted.schema(publication.version))
    publication.put_json("statistics.json", {"format": 1, **prepared.statistics})
    newer = publication.claim(source)
    if newer is not None:
        return newer, "superseded", None
    manifest = _manifest(dataset, source, publication, prepared)
    status = "published" if publication.put_manifest(manifest) else "unchanged"
    return None, status, manifest


def _seconds_left(context: Any) -> float:
    left = getattr(context, "get_remaining_time_in_millis", None)
    return left() / 1000 if left else FUNCTION_SECONDS


def _memory() -> int:
    return int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", str(FUNCTION_MB)))


def _manifest(
    dataset: Dataset, source: raw.Source, publication: Publication, prepared: Prepared
) -> dict[str, Any]:
    quarantine = publication.uri("quarantine/rows.csv") if prepared.quarantine else None
    folders = {
        "csv": {part: publication.uri(f"{part}/") for part in SPLITS},
        "parquet": {part: publication.uri(f"parquet/{part}/") for part in SPLITS},
    }
    channels = folders[dataset.formats[0]]
    manifest = {
        "format": 1,
        "dataset": dataset.name,
        "version": publication.version,
        "problem": dataset.problem,
        "source": _described(source),
        "rows": prepared.rows,
        "channels": {**channels, "schema": publication.uri("schema/")},
        "statistics": publication.uri("statistics.json"),
        "quarantine": quarantine,
        "created_by": "preprocess",
    }
    return manifest | ({"parquet": folders["parquet"]} if "parquet" in dataset.formats else {})


def _superseded(source: raw.Source, newer: Mapping[str, Any]) -> DatasetRejected:
    fault = (
        f"A newer version of it (sequencer {newer['sequencer']}) stands already, as dataset version"
        f" {newer['version']}; this one is {source.sequencer}."
    )
    return DatasetRejected(source.uri, [fault], "Upload it again if it is the one that counts.")


def _described(source: raw.Source) -> dict[str, Any]:
    names = ("bucket", "key", "etag", "version_id", "size")
    return {name: getattr(source, name) for name in names}


def _record(rejected: DatasetRejected, source: raw.Source, publication: Publication) -> None:
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
    metrics.add_metric(name="RowsIn", unit=MetricUnit.Count, value=rows.get("in", 0))
    quarantined = rows.get("quarantined", 0)
    metrics.add_metric(name="RowsQuarantined", unit=MetricUnit.Count, value=quarantined)
    metrics.add_metric(name="Seconds", unit=MetricUnit.Seconds, value=seconds)
