"""One JSON object a line on stdout, which CloudWatch Logs can query."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import orjson

logger = logging.getLogger("inference_server")


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        text: str = orjson.dumps(line, default=str).decode()
        return text


def configure(level: int) -> None:
    """Send every logger's lines to stdout as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=level or logging.NOTSET, handlers=[handler], force=True)


def log(level: int, message: str, **fields: object) -> None:
    """Write one line with further fields."""
    logger.log(level, message, extra={"fields": fields})
