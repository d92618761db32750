"""One event, one dataset version: what every engine does around its preparing of the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from preprocess import dataset as declaration
from preprocess import source as raw
from preprocess.dataset import SPLITS, Dataset
from preprocess.faults import DatasetRejected, DatasetTooLarge, ObjectFault, SizeFault
from preprocess.publish import Publication, version_of
from preprocess.s3 import S3
from preprocess.source import Source

if TYPE_CHECKING:
    from preprocess.run import Prepared

CHANGE = "Correct the object and upload it again, or change [dataset] in the configuration."
# Writes a version's files; raises `ObjectFault` for an object that it cannot or may not read.
Prepare = Callable[[Dataset, Source, Publication], "Prepared"]
# Finds what an event's `object` speaks of; raises `ObjectFault` where there is nothing.
Describe = Callable[[S3, Mapping[str, Any]], Source]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How an event ended: published, unchanged or superseded; `version` is the one that stands."""

    status: str
    publication: Publication
    version: str
    rows: Mapping[str, int]

    def result(self) -> dict[str, Any]:
        """Return what whoever sent the event is told."""
        dataset, bucket = self.publication.dataset, self.publication.bucket
        key = f"{dataset}/{self.version}/manifest.json"
        return {
            "status": self.status,
            "dataset": dataset,
            "version": self.version,
            "manifest": {"bucket": bucket, "key": key, "uri": f"s3://{bucket}/{key}"},
            "rows": dict(self.rows),
        }


def process(
    event: Mapping[str, Any], s3: S3, prepare: Prepare, describe: Describe = raw.describe
) -> Outcome:
    """Publish the dataset version of the event's object, or find that it need not be.

    `event` has `object`, `dataset` and `output`, as the function's handler says. Raises
    `DatasetRejected` when the declaration or the object cannot be used.
    """
    block, where = event["dataset"], event["object"]
    trains = bool(where.get("starts_training", True))
    dataset = declaration.parse(block)
    try:
        source = describe(s3, where)
    except ObjectFault as fault:
        address = f"s3://{where['bucket']}/{where['key']}"
        raise DatasetRejected(address, fault.faults, CHANGE) from None
    publication = Publication(
        s3=s3,
        bucket=event["output"]["bucket"],
        dataset=dataset.name,
        version=version_of(source, block),
    )
    newer, status = publication.newer(source), "superseded"
    manifest = publication.published()
    if newer is None and manifest is not None:
        newer, status = publication.claim(source, manifest), "unchanged"
    elif newer is None:
        newer, status, manifest = _publish(dataset, source, publication, prepare, trains=trains)
    if newer is None and status == "unchanged" and trains:
        status = "published" if publication.let_start_training(source) else status
    if newer is not None:
        status = "superseded"
        if manifest is None:
            _record(_superseded(source, newer), source, publication)
        manifest = publication.published(newer["version"])
    return Outcome(
        status=status,
        publication=publication,
        version=newer["version"] if newer else publication.version,
        rows=manifest["rows"] if manifest else {},
    )


def _publish(
    dataset: Dataset, source: Source, publication: Publication, prepare: Prepare, *, trains: bool
) -> tuple[dict[str, Any] | None, str, dict[str, Any] | None]:
    """Return what is newer than this version, the status and the manifest."""
    try:
        prepared = prepare(dataset, source, publication)
    except ObjectFault as fault:
        kind = DatasetTooLarge if isinstance(fault, SizeFault) else DatasetRejected
        rejected = kind(source.uri, fault.faults, CHANGE)
        _record(rejected, source, publication)
        raise rejected from None
    publication.put_json("schema/schema.json", prepared.fitted.schema(publication.version))
    publication.put_json("statistics.json", {"format": 1, **prepared.statistics})
    manifest = _manifest(dataset, source, publication, prepared) | {"starts_training": trains}
    newer = publication.claim(source, manifest)
    if newer is not None:
        return newer, "superseded", None
    status = "published" if publication.put_manifest(manifest) else "unchanged"
    # Between the two writes a newer version may have been claimed, and then this manifest was
    # written before that one's; the answer is the newer one all the same.
    return publication.newer(source), status, manifest


def _manifest(
    dataset: Dataset, source: Source, publication: Publication, prepared: Prepared
) -> dict[str, Any]:
    quarantine = publication.uri(prepared.quarantine) if prepared.quarantine else None
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
        "latest": publication.latest_of(source),
        "rows": prepared.rows,
        "channels": {**channels, "schema": publication.uri("schema/")},
        "statistics": publication.uri("statistics.json"),
        "quarantine": quarantine,
        "created_by": "preprocess",
    }
    return manifest | ({"parquet": folders["parquet"]} if "parquet" in dataset.formats else {})


def _superseded(source: Source, newer: Mapping[str, Any]) -> DatasetRejected:
    fault = (
        f"A newer version of it (sequencer {newer['sequencer']}) stands already, as dataset version"
        f" {newer['version']}; this one is {source.sequencer}."
    )
    return DatasetRejected(source.uri, [fault], "Upload it again if it is the one that counts.")


def _described(source: Source) -> dict[str, Any]:
    names = ("bucket", "key", "etag", "version_id", "size")
    return {name: getattr(source, name) for name in names}


def _record(rejected: DatasetRejected, source: Source, publication: Publication) -> None:
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
