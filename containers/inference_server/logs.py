"""One JSON object a line on stdout, which CloudWatch Logs can query."""

from __future__ import annotations

import logging
import sys
import time
from datetime import UTC, datetime

import orjson

logger = logging.getLogger("inference_server")


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {}
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return _line(record.created, record.levelname, record.getMessage(), fields).decode()


def configure(level: int) -> None:
    """Send every logger's lines to stdout as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=level or logging.NOTSET, handlers=[handler], force=True)


def log(level: int, message: str, **fields: object) -> None:
    """Write one line with further fields.

    Straight to stdout: this runs for every request, and logging's own way costs as much as the
    prediction.
    """
    if logger.isEnabledFor(level):
        sys.stdout.flush()  # what a user's script printed comes first
        line = _line(time.time(), logging.getLevelName(level), message, fields)
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()


def _line(when: float, level: str, message: str, fields: dict[str, object]) -> bytes:
    stamp = datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds")
    content: bytes = orjson.dumps(
        {"time": stamp, "level": level, "message": message, **fields}, default=str
    )
    return content
