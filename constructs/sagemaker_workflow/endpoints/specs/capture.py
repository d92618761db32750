"""Which requests and replies are kept, and where, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_s3 as s3


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture:
    """Requests and replies are kept under the prefix, encrypted with the bucket's key."""

    bucket: s3.IBucket
    prefix: str
    sampling_percent: int = 100
