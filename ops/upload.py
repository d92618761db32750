"""A raw file is uploaded and followed through Ingest to its rows or its rejection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ops import aws, executions
from ops.errors import OpsError
from ops.settings import Deployment

# The clocks of this machine and of S3 need not agree to the second.
CLOCK_SKEW = timedelta(seconds=5)
NAMES = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingested:
    """What Ingest made of a file."""

    status: str  # "published" | "unchanged"
    dataset: str
    version: str
    manifest: dict[str, str]
    rows: dict[str, int]
    uploaded: datetime

    def __str__(self) -> str:
        """The result in one line."""
        rows = self.rows
        parts = ", ".join(f"{rows[k]:,} {k}" for k in ("train", "validation", "test") if k in rows)
        return (
            f"{self.status}: {rows.get('in', 0):,} rows in, {parts}, "
            f"{rows.get('quarantined', 0):,} quarantined, version {self.version}"
        )


def check(file: Path) -> None:
    """The file can be uploaded."""
    if not file.exists():
        raise OpsError(f"there is no file {file}")
    if not file.is_file():
        raise OpsError(f"{file} is not a file")
    if file.stat().st_size == 0:
        raise OpsError(f"{file} is empty", fix="a CSV file with a header line is needed")


def upload(
    deployment: Deployment,
    dataset: str,
    file: Path,
    *,
    say: Callable[[str], None] = lambda text: None,
) -> Ingested:
    """The file is uploaded and Ingest has taken it; a rejected file raises its sentence."""
    check(file)
    if not file.name.lower().endswith(NAMES):
        raise OpsError(
            f"{file.name} does not end in {', '.join(NAMES[:-1])} or {NAMES[-1]}",
            fix="upload CSV with a header line, JSON lines (both may be gzip) or Parquet",
        )
    bucket = aws.published(deployment, "storage/raw-bucket")
    machine = aws.published(deployment, "preprocessing/state-machine-arn")
    key = f"{dataset}/{file.name}"
    say(f"{file.stat().st_size / 1e6:.1f} MB to s3://{bucket}/{key}")
    s3 = aws.client("s3")
    s3.upload_file(str(file), bucket, key)
    put = s3.head_object(Bucket=bucket, Key=key)
    execution = executions.find(
        machine,
        lambda payload: _is_about(payload, bucket, key),
        since=put["LastModified"] - CLOCK_SKEW,
    )
    if execution is None:
        raise OpsError(
            f"s3://{bucket}/{key} is uploaded, but Ingest did not start within a minute",
            fix="look at the rule and its dead-letter queue of the preprocessing stack",
        )
    say("Ingest is running")
    execution = executions.finish(execution.arn)
    if execution.failed:
        if execution.error == "DatasetRejected":
            sentence = executions.sentence(execution)
            if file.name not in sentence:
                sentence = f"{file.name} is rejected: {sentence}"
            raise OpsError(sentence, fix="correct the file; nothing was published from it")
        raise executions.failure(execution, what="Ingest")
    return ingested(execution.output, put["LastModified"])


def ingested(output: Any, uploaded: datetime) -> Ingested:
    """The Lambda's result out of the execution's output, wherever the machine put it."""
    found = _result_in(output)
    if found is None:
        raise OpsError(f"Ingest ended with an output that names no manifest: {output}")
    return Ingested(
        status=str(found["status"]),
        dataset=str(found["dataset"]),
        version=str(found["version"]),
        manifest={k: str(v) for k, v in found["manifest"].items()},
        rows={k: int(v) for k, v in (found.get("rows") or {}).items() if v is not None},
        uploaded=uploaded,
    )


def _result_in(output: Any) -> dict[str, Any] | None:
    if not isinstance(output, dict):
        return None
    if "manifest" in output and "version" in output:
        return output
    return next((f for v in output.values() if (f := _result_in(v)) is not None), None)


def _is_about(payload: Any, bucket: str, key: str) -> bool:
    """Whether an execution's input is the event of this object."""
    detail = payload.get("detail", payload) if isinstance(payload, dict) else {}
    place = detail.get("object") or {}
    name = (detail.get("bucket") or {}).get("name") or place.get("bucket")
    return bool(place.get("key") == key and name == bucket)
