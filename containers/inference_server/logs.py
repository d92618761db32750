"""One JSON object a line on stdout, which CloudWatch Logs can query."""

from __future__ import annotations

import itertools
import logging
import os
import select
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from inference_server.exchange import Exchange
    from inference_server.models.base import Answer

logger = logging.getLogger("inference_server")
# POSIX: writes of up to this size are not mixed with those of other processes on the same pipe.
_ATOMIC = 4096
_numbers = itertools.count(1)
# What a stalled reader of the log may miss nothing of: about a megabyte.
_MOST_WAITING = 5000
_waiting: deque[bytes] = deque()
_writing = threading.Lock()
_own: int | None = None  # stdout, if it is a pipe, as a file that never waits


def _begin_anew() -> None:
    global _writing
    _waiting.clear()  # the parent writes them
    _writing = threading.Lock()


os.register_at_fork(after_in_child=_begin_anew)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {}
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return _line(record.created, record.levelname, record.getMessage(), fields).decode()


class _Lines(logging.Handler):
    """Other loggers' lines wait for their reader as ours do, and stall nobody either."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _waiting.append(self.format(record).encode() + b"\n")
            flush()
        except Exception:  # noqa: BLE001  as every handler does
            self.handleError(record)


def configure(level: int) -> None:
    """Send every logger's lines to stdout as JSON."""
    global _own
    _own = _opened_anew(sys.stdout.fileno())
    handler = _Lines()
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=level or logging.NOTSET, handlers=[handler], force=True)


def _opened_anew(descriptor: int) -> int | None:
    """A pipe as a file of this server's own; None where that cannot be had.

    Whether a write waits is told for a file, and whoever started us uses the other one too.
    """
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # no Linux, or a pipe of another user
        pass
    return None


def log(level: int, message: str, **fields: object) -> None:
    """Write one line with further fields, after those that wait."""
    if logger.isEnabledFor(level):
        log_later(level, message, fields)
        flush()


def log_later(level: int, message: str, fields: dict[str, object]) -> None:
    """Keep one line until `flush`; the level is the caller's to check.

    Not through `logging`: this runs for every request, and its way costs as much as the prediction.
    """
    _waiting.append(_line(time.time(), logging.getLevelName(level), message, fields) + b"\n")


def invoked(now: float, batch: int, served: Iterable[tuple[Exchange, Answer]]) -> None:
    """Keep the lines of a batch's ordinary requests: as `log_later`'s, at a fifth of the price.

    `now` is the time they were answered, by the clock that says when they had come.
    """
    start = f'{{"time":"{stamp(time.time())}","level":"INFO","message":"invocation","status":'
    process = f'"batch":{batch},"request_id":"{_process()}'
    for exchange, answer in served:
        rows = "null" if answer.rows is None else answer.rows
        _waiting.append(
            f'{start}{answer.status},"ms":{(now - exchange.started) * 1000:.3f},"bytes_in":'
            f'{len(exchange.body)},"bytes_out":{len(answer.body)},"rows":{rows},'
            f'{process}{next(_numbers)}"}}\n'.encode()
        )


def flush(*, patience: float = 0) -> None:
    """Write the lines that wait, except what whoever reads them has no room for.

    A reader that stalls must not stall the answers: its lines wait for the next call, for
    `patience` seconds here, and in the end the oldest are dropped.
    """
    sys.stdout.flush()  # what a user's script printed comes first
    descriptor = sys.stdout.fileno() if _own is None else _own
    with _writing:  # a script may log on its thread
        _write(descriptor, patience)


def _write(descriptor: int, patience: float) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    while _waiting:
        if not poll.poll(patience * 1000):
            while len(_waiting) > _MOST_WAITING:
                _waiting.popleft()
            return
        together = _waiting.popleft()
        while _waiting and len(together) + len(_waiting[0]) <= _ATOMIC:
            together += _waiting.popleft()
        try:
            written = os.write(descriptor, together)
        except BlockingIOError:  # another worker has filled it meanwhile
            written = 0
        if written < len(together):
            _waiting.appendleft(together[written:])


def new_id() -> str:
    """A name for a request that came without one, unlike any other on this machine."""
    return f"{_process()}{next(_numbers)}"


def _process() -> str:
    return f"{os.getpid()}-"


def stamp(when: float) -> str:
    """A time as the log writes it."""
    second, millisecond = divmod(int(when * 1000), 1000)
    return f"{_second(second)}.{millisecond:03}+00:00"


def _line(when: float, level: str, message: str, fields: dict[str, object]) -> bytes:
    content: bytes = orjson.dumps(
        {"time": stamp(when), "level": level, "message": message, **fields}, default=str
    )
    return content


@lru_cache(maxsize=2)
def _second(when: int) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat()[:19]
