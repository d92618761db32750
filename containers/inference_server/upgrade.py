"""Requests that ask for another protocol beside HTTP/1.1, as Java's client does with each.

A server may ignore that wish (RFC 9110, 7.8). httptools cannot: it leaves the body unread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LEFT_OUT = frozenset({"upgrade", "connection", "http2-settings"})


def without_upgrade(parser: Any, url: bytes, headers: Mapping[str, str]) -> bytes:
    """The head that `parser` has read, for a new parser, as if it asked for nothing else."""
    start = f" HTTP/{parser.get_http_version()}\r\n".encode()
    lines = [parser.get_method() + b" " + url + start]
    for name, value in headers.items():
        if name not in _LEFT_OUT:
            lines.append(f"{name}: {value}\r\n".encode("latin-1"))
    if not parser.should_keep_alive():
        lines.append(b"connection: close\r\n")
    return b"".join([*lines, b"\r\n"])
