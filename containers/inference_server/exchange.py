"""A request between its connection and its answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inference_server.models.base import Answer, Request
from inference_server.wire import LAST_CHUNK, chunk_of, head_of

if TYPE_CHECKING:
    from inference_server.connection import Connection


# A smaller body is sent with its head by one system call; copying a larger one costs more.
COPIED_BYTES = 64 * 1024


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
        return self.connection.transport is None or self.over

    @property
    def over(self) -> bool:
        """Whether it was answered or given up on: the connection is the next request's."""
        return not self.connection.answers(self)

    @property
    def plain(self) -> bool:
        """Whether the answer to this is the same as to any other request."""
        return self.keep_alive and not self.connection.server.one_each

    def reply(self, answer: Answer) -> None:
        """Send the whole answer."""
        connection = self.connection
        keep_alive = self.keep_alive and not connection.server.one_each
        if connection.transport is not None:
            head = head_of(answer, keep_alive=keep_alive)
            body = answer.body if self.method != b"HEAD" else b""
            if len(body) < COPIED_BYTES:
                connection.transport.write(head + body)
            else:
                connection.transport.write(head)
                connection.transport.write(body)
        connection.finish(keep_alive)

    def send_bytes(self, content: bytes) -> None:
        """Send an answer that is written out already."""
        self.connection.write(content)
        self.connection.finish(self.keep_alive)

    def begin_chunks(self, answer: Answer) -> None:
        """Send the head of an answer that comes in pieces, unless it comes too late."""
        if self.over:
            return
        self.keep_alive = self.keep_alive and not self.connection.server.one_each
        self.connection.write(head_of(answer, keep_alive=self.keep_alive, chunked=self.http11))

    def send_chunk(self, content: bytes) -> None:
        """Send one piece; an empty one is nothing."""
        if content and not self.over:
            self.connection.write(chunk_of(content) if self.http11 else content)

    def end_chunks(self, *, complete: bool) -> None:
        """End the answer; an incomplete one by breaking the connection, which a client notices."""
        if self.over:
            return
        if not complete:
            self.connection.give_up()
        elif self.http11:
            self.connection.write(LAST_CHUNK)
        self.connection.finish(self.keep_alive)
