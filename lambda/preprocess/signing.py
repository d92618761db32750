"""Requests to S3 signed with Signature Version 4.

A test signs the same requests with botocore's signer and compares.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """Who signs."""

    access_key: str
    secret_key: str
    token: str | None = None


def sign(
    credentials: Credentials,
    region: str,
    method: str,
    host: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> dict[str, str]:
    """Return the headers of a signed request: AWS General Reference, "Signature Version 4"."""
    moment, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    digest = hashlib.sha256(body).hexdigest()
    found = {**headers, "host": host, "x-amz-content-sha256": digest, "x-amz-date": moment}
    if credentials.token:
        found["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(found))
    canonical = "".join(f"{name}:{' '.join(found[name].split())}\n" for name in sorted(found))
    request = "\n".join((method, path, query, canonical, names, digest))
    scope = f"{day}/{region}/s3/aws4_request"
    text = "\n".join(
        ("AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest())
    )
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return {
        **found,
        "authorization": f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope},"
        f" SignedHeaders={names}, Signature={signature}",
    }
