"""A model package's archive in S3, beside what was inspected before the package was registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops import aws

UNKNOWN = "unknown"
# What the inference server compares with the files it was given, when it starts.
_VARIABLE = "INFERENCE_MODEL_DIGEST"


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """In a word what the archive is now, and what is wrong with that."""

    state: str
    faults: tuple[str, ...] = ()


def compared(package: Mapping[str, Any], evidence: Mapping[str, str]) -> Compared:
    """Whether S3 has the object that was inspected, and the container is started with its digest.

    Nothing is downloaded: S3 gives each object that is written a version of its own, and in a
    bucket without versions an ETag.
    """
    digest = evidence.get("model_digest")
    container = package["InferenceSpecification"]["Containers"][0]
    place = str(container.get("ModelDataUrl", ""))
    if digest is None:
        return Compared(state=f"{UNKNOWN}: the package records no digest; register a model anew")
    checked = container.get("Environment", {}).get(_VARIABLE)
    faults = []
    if checked != digest:
        faults.append(
            f"its container is started with {_VARIABLE}={checked}, inspected was {digest}"
        )
    now = _in_s3(place)
    if isinstance(now, str):
        return Compared(state=f"{UNKNOWN}: {now}", faults=tuple(faults))
    if now is None:
        return Compared(state="gone", faults=(*faults, f"the archive {place} is not there"))
    name = "model_version_id" if "model_version_id" in evidence else "model_etag"
    if now[name] == evidence.get(name):
        return Compared(state="the object that was inspected", faults=tuple(faults))
    fault = (
        f"the archive {place} was replaced after it was inspected: S3 has {now[name]}, the package"
        f" {evidence.get(name)} ({name})"
    )
    return Compared(state="replaced", faults=(*faults, fault))


def _in_s3(place: str) -> dict[str, str] | str | None:
    """The object's version and ETag; None when it is not there, a sentence when nobody says."""
    bucket, _, key = place.removeprefix("s3://").partition("/")
    try:
        found = aws.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        code = aws.error_code(error)
        return None if code in ("404", "NoSuchKey", "NoSuchBucket") else f"S3 says {code}"
    return {
        "model_version_id": str(found.get("VersionId", "none")),
        "model_etag": str(found["ETag"]).strip('"'),
    }
