"""Data that a job's container finds in a folder: channels and processing inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_aws.runtime import permissions, s3
from local_aws.runtime.containers import RuntimeFailure


def download_channel(
    store: s3.RoleS3, channel: Mapping[str, Any], folder: Path, *, mode: str
) -> None:
    """Leave a channel's data in `folder` as `File` does; `FastFile` is the same, read-only.

    One host, so ShardedByS3Key gives it every object (contracts 1.2).
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
    )
    if mode == "FastFile":
        permissions.make_read_only(folder)


def download_source(store: s3.RoleS3, *, kind: str, uri: str, folder: Path, what: str) -> None:
    """Leave the objects of an S3Prefix or ManifestFile source in `folder`, at least one."""
    if kind == "ManifestFile":
        entries = list(store.manifest_uris(uri))
        for object_uri, relative in entries:
            store.download(object_uri, s3.inside(folder, relative, uri))
        count = len(entries)
    elif kind == "S3Prefix":
        count = store.download_prefix(uri, folder)
    else:
        raise RuntimeFailure(f"{what}: S3DataType {kind} does not run locally; use S3Prefix")
    if count == 0:
        raise RuntimeFailure(
            f"{what}: no S3 objects found under {uri}. Ensure that the bucket exists, that objects"
            " exist under that prefix and that the role may list it"
        )
