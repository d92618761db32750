"""S3 as a container's platform uses it: with the execution role, and with failures by name."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import adapter
from local_aws.runtime import archives
from local_aws.runtime.containers import RuntimeFailure

_CHUNK = 1024 * 1024
_MULTIPART_FROM_BYTES = 100 * 1024**2  # S3's own advice for when to use a multipart upload
_T = TypeVar("_T")


def parse(uri: str) -> tuple[str, str]:
    """Return (bucket, key or prefix) of an `s3://` URI."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise RuntimeFailure(f"{uri!r} is not an S3 URI (s3://bucket/key)")
    return bucket, key


def join(prefix: str, *parts: str) -> str:
    """Return `prefix/parts...` with single slashes between."""
    return "/".join([prefix.rstrip("/"), *(part.strip("/") for part in parts if part)])


class RoleS3:
    """S3 with the permissions of one role. Every refusal is a RuntimeFailure naming the action.

    Downloads end in one, too, when the monotonic clock reads `until`.
    """

    def __init__(self, role_arn: str, *, until: float | None = None) -> None:
        self._role_arn, self._until = role_arn, until
        self._began = time.monotonic()
        self._client: Any = adapter.client("s3", role_arn=role_arn, session_name="SageMaker")

    def list(self, uri: str) -> list[tuple[str, int]]:
        """Return (key, size) of every object whose key starts with the URI's key, sorted."""
        bucket, prefix = parse(uri)
        found: list[tuple[str, int]] = []
        token: dict[str, str] = {}
        while True:
            call = partial(self._client.list_objects_v2, Bucket=bucket, Prefix=prefix, **token)
            page: dict[str, Any] = self._try(call, "s3:ListBucket", uri)
            found += [(item["Key"], int(item["Size"])) for item in page.get("Contents", [])]
            if not page.get("IsTruncated"):
                return sorted(found)
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def read(self, uri: str) -> bytes:
        """Return the content of one object."""
        with self._open(uri) as body:
            return body.read()

    def download(self, uri: str, path: Path) -> None:
        """Leave one object's content at `path`."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._open(uri) as body, path.open("wb") as out:
                while chunk := body.read(_CHUNK):
                    self.in_time(uri)
                    out.write(chunk)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise RuntimeFailure(f"{uri} is both a file and a folder") from error

    def in_time(self, uri: str) -> None:
        """Raise RuntimeFailure when the time for downloads is over."""
        if self._until is not None and time.monotonic() > self._until:
            raise RuntimeFailure(
                f"downloading {uri} took longer than the {self._until - self._began:.0f} seconds"
                " of ModelDataDownloadTimeoutInSeconds"
            )

    def write(
        self,
        uri: str,
        body: bytes | Path,
        *,
        content_type: str | None = None,
        kms_key: str | None = None,
    ) -> None:
        """Leave one whole object at `uri`; no part of it is visible before all of it is."""
        bucket, key = parse(uri)
        extra: dict[str, str] = {}
        if content_type:
            extra["ContentType"] = content_type
        if kms_key:
            extra |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}
        if isinstance(body, Path) and body.stat().st_size >= _MULTIPART_FROM_BYTES:
            self._try(
                lambda: self._client.upload_file(str(body), bucket, key, ExtraArgs=extra),
                "s3:PutObject",
                uri,
            )
            return
        content = body.read_bytes() if isinstance(body, Path) else body
        self._try(
            lambda: self._client.put_object(Bucket=bucket, Key=key, Body=content, **extra),
            "s3:PutObject",
            uri,
        )

    def delete(self, uri: str) -> None:
        """Leave no object at `uri`."""
        bucket, key = parse(uri)
        self._try(
            lambda: self._client.delete_object(Bucket=bucket, Key=key), "s3:DeleteObject", uri
        )

    def upload_folder(self, folder: Path, uri: str, *, kms_key: str | None = None) -> None:
        """Leave every file of `folder` under `uri`, relative names kept, links left out."""
        for name, path in archives.files(folder):
            self.write(join(uri, name), path, kms_key=kms_key)

    def download_prefix(self, uri: str, folder: Path) -> int:
        """Leave the objects that start with `uri` in `folder` and return how many there were.

        A URI that is an object's whole key gives one file with the key's last part as its name;
        otherwise the part after the prefix's folder is kept.
        """
        bucket, _ = parse(uri)
        found = list(self.relative(uri))
        for key, relative in found:
            self.download(f"s3://{bucket}/{key}", inside(folder, relative, uri))
        return len(found)

    def manifest_uris(self, uri: str) -> Iterator[tuple[str, str]]:
        """Yield (object URI, relative name) for each entry of a ManifestFile (contracts 1.2)."""
        try:
            head, *entries = json.loads(self.read(uri))
            prefix = head["prefix"]
        except (ValueError, KeyError, TypeError) as error:
            raise RuntimeFailure(
                f'manifest {uri} must be JSON of the form [{{"prefix": "s3://..."}}, "key", ...]'
            ) from error
        for entry in entries:
            yield prefix + str(entry), str(entry).lstrip("/")

    def relative(self, uri: str) -> Iterator[tuple[str, str]]:
        """Yield (key, name below the prefix) of each object a prefix URI stands for."""
        _, prefix = parse(uri)
        keys = [key for key, _ in self.list(uri)]
        if prefix in keys and not prefix.endswith("/"):
            yield prefix, prefix.rpartition("/")[2]
            return
        for key in keys:
            if key.endswith("/"):
                continue  # the empty "folder" objects of the console
            folder = (
                prefix if key.startswith(prefix.rstrip("/") + "/") else prefix.rpartition("/")[0]
            )
            yield key, key[len(folder) :].lstrip("/")

    def _open(self, uri: str) -> IO[bytes]:
        bucket, key = parse(uri)
        answer = self._try(
            lambda: self._client.get_object(Bucket=bucket, Key=key), "s3:GetObject", uri
        )
        body: IO[bytes] = answer["Body"]
        return body

    def _try(self, call: Callable[[], _T], action: str, uri: str) -> _T:
        try:
            return call()
        except ClientError as error:
            raise RuntimeFailure(_sentence(error, action, uri, self._role_arn)) from error
        except BotoCoreError as error:
            raise RuntimeFailure(f"{action} on {uri} failed: {error}") from error


def _sentence(error: ClientError, action: str, uri: str, role_arn: str) -> str:
    code = error.response["Error"]["Code"]
    message = error.response["Error"].get("Message", "")
    bucket, key = parse(uri)
    if code in {"AccessDenied", "403", "AccessDeniedException"}:
        resource = bucket if action == "s3:ListBucket" else f"{bucket}/{key}"
        if "not authorized to perform" in message:
            return message if resource in message else f"{message} ({uri})"
        return (
            f"{role_arn} is not authorized to perform: {action} on resource:"
            f' "arn:aws:s3:::{resource}"'
        )
    if code == "NoSuchBucket":
        return f"there is no bucket {bucket!r} ({uri})"
    if code in {"NoSuchKey", "404"}:
        return f"there is no object at {uri}"
    return f"{action} on {uri} failed: {code}: {message}"


def inside(folder: Path, relative: str, uri: str) -> Path:
    """Return the path for a key below `folder`; RuntimeFailure for one that would leave it."""
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or not relative:
        raise RuntimeFailure(f"key {relative!r} of {uri} would be written outside its folder")
    return folder / path
