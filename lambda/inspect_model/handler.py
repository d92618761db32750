"""Say which files a trained model's archive holds, or why nobody may load them.

The archive is read from S3 as it is unpacked and hashed, so a function of any memory takes models
of any size, and nothing of it is ever written to a disk or given to a library that loads models.
"""

from __future__ import annotations

import logging
from typing import Any

import boto3
from botocore.config import Config

from inspect_model.archive import inspect
from inspect_model.refused import ModelRefused
from inspect_model.source import S3Source

log = logging.getLogger()
log.setLevel(logging.INFO)

# `standard` repeats what S3 throttles, and connections that fail.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, read_timeout=30)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Inspect {"uri": "s3://<bucket>/<key>", "trusted_pickles": [<sha256>, ...]}.

    Returns {"digest", "files", "bytes", "etag"}, and "version_id" in a bucket with versions.
    Raises ModelRefused for what must not be loaded, and S3's own error when it cannot be read.
    """
    uri = str(event["uri"])
    try:
        source = S3Source(
            boto3.client("s3", config=_CONFIG),
            uri,
            seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        )
        contents = inspect(source, trusted=event.get("trusted_pickles", ()))
    except ModelRefused as refused:
        raise ModelRefused(f"the model's archive {uri} is refused: {refused}") from refused
    found = {
        "digest": contents.digest(),
        "files": len(contents.files),
        "bytes": contents.size,
        "etag": source.etag,
        **({"version_id": source.version_id} if source.version_id else {}),
    }
    log.info("%s: %s", uri, found)
    return found
