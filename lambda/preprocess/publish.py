"""A dataset version in the processed bucket: written file by file, visible by its manifest.

Files of a version are the same bytes whoever writes them, so writing them again harms nothing.
Two writes decide, both conditional: `latest/<object>.json` only ever moves to a newer version of
that object's key, and `manifest.json` is written once. `latest` holds the manifest too: who takes
its place first writes the manifest that it holds, unless that is written already. So manifests of
one object appear in the order of its versions, however the runs that prepare them overlap. It also
names the versions that stood before, so that whoever is told late of one of their manifests knows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from preprocess.s3 import S3
from preprocess.source import Source

SEQUENCER = 64  # digits a sequencer is padded to; S3's have 16 to 34
MOST_REPLACED = 100  # versions that `latest` remembers to have stood before


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


def is_older(sequencer: str, other: str) -> bool:
    """Whether one event of a key came before another: S3 User Guide, "Event message structure".

    Sequencers are hexadecimal numbers of different lengths, compared as text after the shorter
    one is padded with zeros on the right.
    """
    return sequencer.lower().ljust(SEQUENCER, "0") < other.lower().ljust(SEQUENCER, "0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """Where one version of one dataset lives in the processed bucket."""

    s3: S3
    bucket: str
    dataset: str
    version: str

    def key(self, name: str) -> str:
        """Return the key of one of the version's files."""
        return f"{self.dataset}/{self.version}/{name}"

    def uri(self, name: str) -> str:
        """Return the s3:// address of one of the version's files or folders."""
        return f"s3://{self.bucket}/{self.key(name)}"

    def published(self, version: str | None = None) -> dict[str, Any] | None:
        """Return the version's manifest, or another's, or None while it has none."""
        key = f"{self.dataset}/{version or self.version}/manifest.json"
        found = self.s3.read(self.bucket, key)
        return None if found is None else dict(json.loads(found[0]))

    def newer(self, source: Source) -> dict[str, Any] | None:
        """Return what `latest` says of the object when that is newer than `source`."""
        key = self.latest_of(source)
        if source.sequencer is None or key is None:
            return None
        found = self.s3.read(self.bucket, key)
        latest: dict[str, Any] | None = json.loads(found[0]) if found else None
        if latest and is_older(source.sequencer, latest["sequencer"]):
            return latest
        return None

    def claim(self, source: Source, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        """Make this the latest version of its object; return the newer one if there is one.

        Compare and swap: of two at once the newer one stands, in whatever order they write. The
        version's files must all be there: from now on another run may publish the manifest.
        """
        key = self.latest_of(source)
        if source.sequencer is None or key is None:
            return None
        mine = {
            "format": 1,
            "bucket": source.bucket,
            "key": source.key,
            "sequencer": source.sequencer,
            "version": self.version,
            "manifest": dict(manifest),
        }
        while True:
            found = self.s3.read(self.bucket, key)
            if found is None:
                done = self._put(key, {**mine, "replaced": []}, if_none_match=True)
            else:
                latest: dict[str, Any] = json.loads(found[0])
                if is_older(source.sequencer, latest["sequencer"]):
                    return latest
                if latest.items() >= mine.items():
                    return None
                self._finish(latest)
                done = self._put(
                    key, {**mine, "replaced": self._replaced(latest)}, if_match=found[1]
                )
            if done:
                return None

    def _replaced(self, latest: Mapping[str, Any]) -> list[str]:
        """The versions this one comes after; one that came back, as the same bytes, is none."""
        before = dict.fromkeys([*latest.get("replaced", ()), latest["version"]])
        return [version for version in before if version != self.version][-MOST_REPLACED:]

    def _finish(self, latest: Mapping[str, Any]) -> None:
        """The manifest of what was the latest is there: its own run can no longer be late."""
        if latest["version"] != self.version and "manifest" in latest:
            key = f"{self.dataset}/{latest['version']}/manifest.json"
            self._put(key, latest["manifest"], if_none_match=True)

    def put_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Store a JSON file under the version."""
        self._put(self.key(name), content)

    def put_manifest(self, manifest: Mapping[str, Any]) -> bool:
        """Publish the version. False when another run of the same version was first."""
        return self._put(self.key("manifest.json"), manifest, if_none_match=True)

    def let_start_training(self, source: Source) -> bool:
        """Announce the manifest again if it was written not to start a training; whether it was.

        A backfill may have been faster with a new upload than the upload's own event: what
        follows from an upload must follow all the same.
        """
        key = self.key("manifest.json")
        while found := self.s3.read(self.bucket, key):
            manifest = json.loads(found[0])
            if manifest.get("starts_training", True):
                return False
            manifest |= {"starts_training": True, "latest": self.latest_of(source)}
            if self._put(key, manifest, if_match=found[1]):
                return True
        return False

    def put_rejection(self, rejection: Mapping[str, Any]) -> None:
        """Record why the version was never published, beside the versions that were."""
        self._put(f"{self.dataset}/rejected/{self.version}.json", rejection)

    def latest_of(self, source: Source) -> str | None:
        """Return the key that says which version of the object is the latest, if any is to."""
        if source.sequencer is None:
            return None
        address = hashlib.sha256(f"{source.bucket}/{source.key}".encode()).hexdigest()[:32]
        return f"{self.dataset}/latest/{address}.json"

    def _put(
        self,
        key: str,
        content: Mapping[str, Any],
        *,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> bool:
        body = (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()
        return self.s3.put(
            self.bucket,
            key,
            body,
            content_type="application/json",
            if_none_match=if_none_match,
            if_match=if_match,
        )
