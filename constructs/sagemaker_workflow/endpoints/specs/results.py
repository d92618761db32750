"""Where an asynchronous endpoint puts what came of a request, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_s3 as s3


@dataclass(frozen=True, kw_only=True, slots=True)
class AsyncResults:
    """Where an asynchronous endpoint puts replies and failures, and whom it tells.

    Replies go to `<prefix>/output/`, failures to `<prefix>/failure/`, requests are read from
    `<prefix>/input/`. Two topics are made, one for each outcome; `notification_email` [T], when
    not empty, is subscribed to both. `include_response` puts replies up to 128 KB into the message.
    """

    bucket: s3.IBucket
    prefix: str
    include_response: bool = False
    max_concurrent_per_instance: int | None = None
    notification_email: str | None = None
