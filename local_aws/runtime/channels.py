"""Data that a job's container finds in a folder: channels and processing inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_aws.runtime import permissions, s3
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.hosts import Shard


def download_channel(
    store: s3.RoleS3,
    channel: Mapping[str, Any],
    folder: Path,
    *,
    mode: str,
    shard: Shard = Shard(),  # noqa: B008  frozen
) -> None:
    """Leave a channel's data in `folder` as `File` does; `FastFile` is the same, read-only.

    `shard` is this instance's part where the channel is ShardedByS3Key (contracts 1.2).
    """
    name = channel["ChannelName"]
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise RuntimeFailure(f"channel {name!r}: only S3 data sources run locally, not EFS or FSx")
    if mode == "Pipe":
        raise RuntimeFailure(
            f"channel {name!r}: input mode Pipe does not run locally; use File or FastFile"
        )
    folder.mkdir(parents=True, exist_ok=True)
    download_source(
        store,
        kind=source["S3DataType"],
        uri=source["S3Uri"],
        folder=folder,
        what=f"channel {name!r}",
        shard=shard if source.get("S3DataDistributionType") == "ShardedByS3Key" else Shard(),
    )
    if mode == "FastFile":
        permissions.make_read_only(folder)


def download_source(
    store: s3.RoleS3,
    *,
    kind: str,
    uri: str,
    folder: Path,
    what: str,
    shard: Shard = Shard(),  # noqa: B008  frozen
) -> None:
    """Leave the shard's objects of an S3Prefix or ManifestFile source in `folder`.

    RuntimeFailure when there is no object at all; a shard may be empty.
    """
    if kind == "ManifestFile":
        entries = list(store.manifest_uris(uri))
    elif kind == "S3Prefix":
        bucket, _ = s3.parse(uri)
        entries = [(f"s3://{bucket}/{key}", name) for key, name in store.relative(uri)]
    else:
        raise RuntimeFailure(f"{what}: S3DataType {kind} does not run locally; use S3Prefix")
    if not entries:
        raise RuntimeFailure(
            f"{what}: no S3 objects found under {uri}. Ensure that the bucket exists, that objects"
            " exist under that prefix and that the role may list it"
        )
    for object_uri, relative in shard.of(entries):
        store.download(object_uri, s3.inside(folder, relative, uri))
