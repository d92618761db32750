"""Which requests and replies are kept, and where, as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aws_cdk import CfnCondition
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

CaptureMode = Literal["Input", "Output"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture:
    """Requests and replies are kept under the prefix, encrypted.

    - `sampling_percent` [T] of the requests, 1 to 100.
    - `modes`: requests ("Input"), replies ("Output") or both.
    - `csv_content_types`, `json_content_types`: kept as they are; every other type is kept in
      base64, which no one can read in a console.
    - `key`: Default: the bucket's.
    - `enabled`: nothing is kept while this does not hold. Default: always.
    """

    bucket: s3.IBucket
    prefix: str
    sampling_percent: int = 100
    modes: Sequence[CaptureMode] = ("Input", "Output")
    csv_content_types: Sequence[str] = ("text/csv",)
    json_content_types: Sequence[str] = ("application/json", "application/jsonlines")
    key: kms.IKey | None = None
    enabled: CfnCondition | None = None
