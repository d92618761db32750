"""A dataset version in the processed bucket: written file by file, visible by its manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from preprocess.source import Source


@cache
def code_version() -> str:
    """Return a digest of this package's own source, so that new code makes new versions."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    requirements = Path(__file__).with_name("requirements.txt")
    if requirements.exists():
        digest.update(requirements.read_bytes())
    return digest.hexdigest()


def version_of(source: Source, block: Mapping[str, Any]) -> str:
    """Return the 16 hex digits that stand for this object, this declaration and this code."""
    parts = [source.bucket, source.key, source.etag, block, code_version()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """Where one version of one dataset lives in the processed bucket."""

    s3: Any
    bucket: str
    dataset: str
    version: str

    def key(self, name: str) -> str:
        """Return the key of one of the version's files."""
        return f"{self.dataset}/{self.version}/{name}"

    def uri(self, name: str) -> str:
        """Return the s3:// address of one of the version's files or folders."""
        return f"s3://{self.bucket}/{self.key(name)}"

    def published(self) -> dict[str, Any] | None:
        """Return the version's manifest, or None while it has none."""
        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=self.key("manifest.json"))
        except ClientError as error:
            # Without ListBucket S3 says 403 for a missing key, so the role needs that too.
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
            return None
        manifest: dict[str, Any] = json.loads(found["Body"].read())
        return manifest

    def put_file(self, name: str, path: Path) -> None:
        """Store a file from disk under the version, streaming."""
        with path.open("rb") as body:
            self.s3.put_object(
                Bucket=self.bucket, Key=self.key(name), Body=body, ContentType="text/csv"
            )

    def put_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Store a JSON file under the version."""
        self._put(self.key(name), content)

    def put_manifest(self, manifest: Mapping[str, Any]) -> bool:
        """Publish the version. False when another run of the same version was first."""
        try:
            self._put(self.key("manifest.json"), manifest, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            return False
        return True

    def put_rejection(self, rejection: Mapping[str, Any]) -> None:
        """Record why the version was never published, beside the versions that were."""
        self._put(f"{self.dataset}/rejected/{self.version}.json", rejection)

    def _put(self, key: str, content: Mapping[str, Any], **condition: str) -> None:
        body = (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()
        self.s3.put_object(
            Bucket=self.bucket, Key=key, Body=body, ContentType="application/json", **condition
        )
