"""The model's files in /opt/ml/model, from an archive or as S3 holds them (contracts 2.1)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from local_aws.runtime import archives, permissions, s3
from local_aws.runtime.containers import ContainerSpec, RuntimeFailure


def download(
    container: ContainerSpec,
    folder: Path,
    *,
    seconds: float | None = None,
    volume_gb: int | None = None,
) -> None:
    """Leave the model's files in `folder`, read-only; an empty folder when there is no model.

    RuntimeFailure when downloading and unpacking takes longer than `seconds` or an archive
    unpacks to more than `volume_gb`.
    """
    until = None if seconds is None else time.monotonic() + seconds
    store = s3.RoleS3(container.role_arn, until=until)
    caps = archives.Caps(total_bytes=volume_gb * 1024**3) if volume_gb else None
    if container.model_data_url:
        _archive(store, container.model_data_url, folder, caps)
    elif container.model_data_source:
        _source(store, container.model_data_source["S3DataSource"], folder, caps)
    else:
        folder.mkdir(parents=True, exist_ok=True)
    permissions.make_read_only(folder)


def _archive(store: s3.RoleS3, url: str, folder: Path, caps: archives.Caps | None) -> None:
    if not url.endswith(".tar.gz"):
        raise RuntimeFailure(f"model data {url} must be one .tar.gz archive")
    packed = folder.with_name(folder.name + ".tar.gz")
    try:
        store.download(url, packed)
        archives.extract(packed, folder, url=url, caps=caps)
        store.in_time(url)
    finally:
        packed.unlink(missing_ok=True)


def _source(
    store: s3.RoleS3, source: dict[str, Any], folder: Path, caps: archives.Caps | None
) -> None:
    uri, kind = source["S3Uri"], source["S3DataType"]
    compression = source.get("CompressionType", "None")
    if kind == "S3Object" and compression == "Gzip":
        _archive(store, uri, folder, caps)
    elif kind == "S3Object":
        store.download(uri, folder / uri.rpartition("/")[2])
    elif kind == "S3Prefix" and compression == "None":
        _prefix(store, uri, folder)
    else:
        raise RuntimeFailure(f"model data {uri}: {kind} with compression {compression} is not one")


def _prefix(store: s3.RoleS3, uri: str, folder: Path) -> None:
    if not uri.endswith("/"):
        raise RuntimeFailure(f"model data prefix {uri} must end with a slash")
    for key, size in store.list(uri):
        if key.endswith("/") and size == 0:
            raise RuntimeFailure(
                f"model data prefix {uri} holds the empty folder object {key!r}: delete it"
            )
    folder.mkdir(parents=True, exist_ok=True)
    if store.download_prefix(uri, folder) == 0:
        raise RuntimeFailure(f"model data prefix {uri} holds no object")
