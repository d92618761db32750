"""Answers as bytes of HTTP/1.1."""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus

from inference_server.models.base import Answer

JSON = "application/json"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# The connection's own business: a model that sets one of these would break the framing.
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "content-type"})


def head_of(answer: Answer, *, keep_alive: bool, chunked: bool = False) -> bytes:
    """Status line and headers, up to and with the empty line."""
    if keep_alive and not chunked and not answer.headers and answer.status == 200:
        return _start(200, answer.content_type) + b"content-length: %d\r\n\r\n" % len(answer.body)
    status = answer.status if 200 <= answer.status <= 599 else 500
    lines = [_start(status, answer.content_type)]
    for name, value in (answer.headers or {}).items():
        if _TOKEN.fullmatch(name) and name.lower() not in _FRAMING:
            lines.append(b"%b: %b\r\n" % (name.lower().encode(), _clean(str(value))))
    if chunked:
        lines.append(b"transfer-encoding: chunked\r\n")
    elif answer.chunks is None:
        lines.append(b"content-length: %d\r\n" % len(answer.body))
    if not keep_alive:
        lines.append(b"connection: close\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)


def chunk_of(content: bytes) -> bytes:
    """One chunk; `content` must not be empty, an empty chunk ends the body."""
    return b"%x\r\n%b\r\n" % (len(content), content)


@lru_cache(maxsize=256)
def _start(status: int, content_type: str) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\n" % (
        status,
        phrase.encode(),
        _clean(content_type),
    )


def _clean(value: str) -> bytes:
    # A header value from a model must not start another header.
    return value.encode("latin-1", "replace").translate(None, b"\r\n\x00")
