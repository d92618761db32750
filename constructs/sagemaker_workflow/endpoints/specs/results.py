"""Where an asynchronous endpoint puts what came of a request, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_s3 as s3


@dataclass(frozen=True, kw_only=True, slots=True)
class Queues:
    """Results and errors wait in two queues until somebody takes them, raw as the service wrote.

    Encrypted with the endpoint's key. What was taken `max_receives` times and not deleted goes to
    a dead-letter queue of its own, for two weeks. `visibility_seconds`: how long a taker has.
    """

    max_receives: int = 5
    visibility_seconds: int = 300
    retention_days: int = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class AsyncResults:
    """Where an asynchronous endpoint puts replies and failures, and whom it tells.

    Replies go to `<prefix>/output/`, failures to `<prefix>/failure/`, requests are read from
    `<prefix>/input/`. Two topics are made, one for each outcome; `notification_email` [T], when
    not empty, is subscribed to both. `include_response` puts replies up to 128 KB into the message.
    `queues` are subscribed to the topics. `max_age_seconds`: an alarm when the oldest request
    waits longer.
    """

    bucket: s3.IBucket
    prefix: str
    include_response: bool = False
    max_concurrent_per_instance: int | None = None
    notification_email: str | None = None
    queues: Queues | None = None
    max_age_seconds: int = 3600
