"""A request between its connection and its answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inference_server.models.base import Answer, Request

if TYPE_CHECKING:
    from inference_server.connection import Connection


class Exchange(Request):
    """A complete request and the way back to who sent it."""

    __slots__ = ("connection", "http11", "keep_alive", "method", "path", "started")

    def __init__(
        self,
        connection: Connection,
        path: bytes,
        body: bytes,
        headers: Mapping[str, str],
        parser: Any,
    ) -> None:
        self.body = body
        self.headers = headers
        self.connection = connection
        self.method = parser.get_method()
        self.path = path
        keep_alive = parser.should_keep_alive()
        # HTTP/1.0 keeps a connection only where a header asks for it; we do not. Asking the parser
        # for the version is the dearest of its answers, so not for every request.
        if not keep_alive or "connection" in headers:
            self.http11 = parser.get_http_version() == "1.1"
        else:
            self.http11 = True
        self.keep_alive = keep_alive and self.http11
        self.started = time.perf_counter()

    @property
    def gone(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self.connection.transport is None

    @property
    def plain(self) -> bool:
        """Whether the answer to this is the same as to any other request."""
        return self.keep_alive and not self.connection.server.one_each

    def reply(self, answer: Answer) -> None:
        """Send the whole answer."""
        self.connection.send(self, answer)
