"""The few S3 calls the function makes.

boto3's client costs 0.6 s of CPU before its first call, more than importing polars.
"""

from __future__ import annotations

import base64
import http.client
import os
import random
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from preprocess.connections import Connections
from preprocess.signing import Credentials, sign

ATTEMPTS = 5
BUSY = frozenset({429, 500, 502, 503, 504})
CONFLICT = "ConditionalRequestConflict"


class S3Error(Exception):
    """S3 refused a request: `code` is its word for why, `status` the HTTP status."""

    def __init__(self, operation: str, status: int, code: str, message: str) -> None:
        self.operation, self.status, self.code, self.message = operation, status, code, message
        super().__init__(f"S3 refuses {operation} ({code}, {status}): {message}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What S3 says of an object without its bytes."""

    etag: str
    size: int


class S3:
    """A client of one region; safe to use from several threads.

    Credentials that outlive it are given as they are; others by who is asked for each request.
    """

    def __init__(
        self,
        *,
        region: str,
        credentials: Credentials | Callable[[], Credentials],
        endpoint: str | None = None,
    ) -> None:
        self.region, self.credentials, self.endpoint = region, credentials, endpoint
        self._connections = Connections()

    @classmethod
    def from_environment(cls) -> S3:
        """Return a client of the function's region and role, as Lambda sets them."""
        return cls(
            region=os.environ.get("AWS_REGION") or os.environ["AWS_DEFAULT_REGION"],
            credentials=Credentials(
                access_key=os.environ["AWS_ACCESS_KEY_ID"],
                secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
                token=os.environ.get("AWS_SESSION_TOKEN"),
            ),
            endpoint=os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
        )

    def head(self, bucket: str, key: str, *, version: str | None = None) -> Head:
        """Return an object's size and ETag."""
        query = {"versionId": version} if version else {}
        headers, _ = self._call("HeadObject", "HEAD", bucket, key, query=query)
        return Head(etag=headers["etag"].strip('"'), size=int(headers["content-length"]))

    def get(
        self,
        bucket: str,
        key: str,
        *,
        version: str | None = None,
        etag: str | None = None,
        first: int | None = None,
        last: int | None = None,
    ) -> bytes:
        """Return an object's bytes, or those from `first` to `last`; only of that ETag if given."""
        query = {"versionId": version} if version else {}
        headers = {"if-match": f'"{etag}"'} if etag else {}
        if first is not None:
            headers["range"] = f"bytes={first}-{'' if last is None else last}"
        return self._call("GetObject", "GET", bucket, key, query=query, headers=headers)[1]

    def read(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        """Return a small object and its ETag, or None where there is none."""
        try:
            headers, body = self._call("GetObject", "GET", bucket, key)
        except S3Error as error:
            # Without ListBucket S3 says 403 for a missing key, so the role needs that too.
            if error.code != "NoSuchKey":
                raise
            return None
        return body, headers["etag"].strip('"')

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes,
        *,
        content_type: str,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> bool:
        """Store an object. False when the condition does not hold; without one always True."""
        headers = {"content-type": content_type}
        if if_none_match:
            headers["if-none-match"] = "*"
        if if_match is not None:
            headers["if-match"] = f'"{if_match}"'
        try:
            self._call("PutObject", "PUT", bucket, key, headers=headers, body=body)
        except S3Error as error:
            if error.status == 412 or (if_match is not None and error.status == 404):
                return False
            raise
        return True

    def begin(self, bucket: str, key: str, *, content_type: str) -> str:
        """Begin a multipart upload and return its id."""
        _, body = self._call(
            "CreateMultipartUpload",
            "POST",
            bucket,
            key,
            query={"uploads": ""},
            headers={"content-type": content_type},
        )
        return _text(body, "UploadId")

    def part(self, bucket: str, key: str, upload: str, number: int, body: bytes) -> str:
        """Store one part and return its ETag."""
        query = {"partNumber": str(number), "uploadId": upload}
        headers, _ = self._call("UploadPart", "PUT", bucket, key, query=query, body=body)
        return headers["etag"].strip('"')

    def complete(self, bucket: str, key: str, upload: str, etags: list[str]) -> None:
        """Make the parts one object."""
        parts = "".join(
            f'<Part><ETag>"{etag}"</ETag><PartNumber>{number}</PartNumber></Part>'
            for number, etag in enumerate(etags, 1)
        )
        space = "http://s3.amazonaws.com/doc/2006-03-01/"
        body = f'<CompleteMultipartUpload xmlns="{space}">{parts}</CompleteMultipartUpload>'
        _, answer = self._call(
            "CompleteMultipartUpload",
            "POST",
            bucket,
            key,
            query={"uploadId": upload},
            headers={"content-type": "application/xml"},
            body=body.encode(),
        )
        # S3 answers 200 before it is done and may still put an error into the body.
        if b"<Error>" in answer:
            raise _refusal("CompleteMultipartUpload", 200, answer, "")

    def abort(self, bucket: str, key: str, upload: str) -> None:
        """Forget the parts of an upload."""
        query = {"uploadId": upload}
        self._call("AbortMultipartUpload", "DELETE", bucket, key, query=query)

    def _call(
        self,
        operation: str,
        method: str,
        bucket: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[Mapping[str, str], bytes]:
        scheme, host, path = self._address(bucket, key)
        asked = "&".join(f"{_quoted(k)}={_quoted(v)}" for k, v in sorted((query or {}).items()))
        given = {**(headers or {})}
        if body and method == "PUT":
            given["x-amz-checksum-crc32"] = base64.b64encode(
                zlib.crc32(body).to_bytes(4, "big")
            ).decode()
        for attempt in range(1, ATTEMPTS + 1):
            who = (
                self.credentials
                if isinstance(self.credentials, Credentials)
                else self.credentials()
            )
            signed = sign(who, self.region, method, host, path, asked, given, body, _now())
            try:
                status, found, answer = self._connections.send(
                    (scheme, host), method, f"{path}?{asked}" if asked else path, signed, body
                )
            except (OSError, http.client.HTTPException):
                self._connections.forget()
                if attempt == ATTEMPTS:
                    raise
            else:
                if status < 300:
                    return found, answer
                refused = _refusal(operation, status, answer, found.get("x-amz-request-id", ""))
                again = status in BUSY or refused.code == CONFLICT
                if not again or attempt == ATTEMPTS:
                    raise refused
            # Full jitter: callers that were refused together must not come back together.
            time.sleep(random.uniform(0, 0.2 * 2**attempt))  # noqa: S311 (a wait, no secret)
        raise AssertionError("unreachable")

    def _address(self, bucket: str, key: str) -> tuple[str, str, str]:
        path = "/" + quote(key, safe="/-_.~")
        if self.endpoint:
            found = urlsplit(self.endpoint)
            return found.scheme, found.netloc, f"/{bucket}{path}"
        domain = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        host = f"s3.{self.region}.{domain}"
        # A dot in the bucket's name breaks the wildcard certificate.
        if "." in bucket:
            return "https", host, f"/{bucket}{path}"
        return "https", f"{bucket}.{host}", path


def _now() -> datetime:
    return datetime.now(UTC)


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def _refusal(operation: str, status: int, answer: bytes, request: str) -> S3Error:
    # The answer to a HEAD has no words.
    code = _text(answer, "Code") or str(status)
    message = _text(answer, "Message") or f"no message, request {request or 'unknown'}"
    return S3Error(operation, status, code, message)


def _text(body: bytes, name: str) -> str:
    if not body:
        return ""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 (S3's own answer over TLS)
    except ElementTree.ParseError:
        return ""
    found = next((e for e in root.iter() if e.tag.rpartition("}")[2] == name), None)
    return found.text or "" if found is not None else ""
