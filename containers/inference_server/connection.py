"""One HTTP connection: httptools parses, this keeps the order, the limits and the clocks."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

import httptools  # type: ignore[import-not-found,unused-ignore]  # in the image's environment

from inference_server.exchange import Exchange
from inference_server.models.base import Answer
from inference_server.upgrade import without_upgrade
from inference_server.wire import CONTINUE, LAST_CHUNK, chunk_of, error_answer, head_of

if TYPE_CHECKING:
    from inference_server.server import Server

LARGEST_HEAD = 32 * 1024
# What is remembered of names, so that nobody can fill the memory with new ones.
MOST_NAMES, LARGEST_NAME = 256, 64
MOST_PIPELINED = 8
HEAD_SECONDS = 10
IDLE_SECONDS = 75  # longer than the 60 s that load balancers keep a connection by default
# A body may come slowly, not arbitrarily slowly: 16 KB/s after a grace.
BODY_GRACE_SECONDS = 20
BODY_BYTES_PER_SECOND = 16 * 1024
WRITE_SECONDS = 30
LINGER_SECONDS = 2


class _Names(dict[bytes, str]):
    """Names of headers in lower case, by how clients write them; they are few."""

    def __missing__(self, written: bytes) -> str:
        name = written.decode("latin-1").lower()
        if len(self) < MOST_NAMES and len(written) <= LARGEST_NAME:
            self[written] = name
        return name


_NAMES = _Names()


class Connection(asyncio.Protocol):
    """Hands complete requests to the server one at a time, and writes the answers in order."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._largest_body = server.settings.max_payload_bytes
        self._parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport | None = None
        self._current: Exchange | None = None
        self.lingering = False
        """What still comes is not read: the answer is a refusal, or has been one."""
        self._refusal: Answer | None = None
        self.deadline = server.tick + HEAD_SECONDS
        self.write_deadline = 0
        self.writable = True
        self._waiting: deque[Exchange] = deque()
        self._held = 0
        """Bytes of this connection's bodies, whole or not, that are not answered."""
        self._turning = False
        self._headers: dict[str, str] = {}
        self._head = 0
        self._in_body = False
        self._body_since = 0
        self._aside = 0
        """Bytes since the last ones of a body: trailers, which nobody asked for."""
        self._begin()

    @property
    def busy(self) -> bool:
        """A request has been handed over and not been answered."""
        return self._current is not None

    def _begin(self) -> None:
        self._url = b""
        self._fields: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._received = 0

    # ---- asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's own class, same methods
        self.server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.writable = True
        self._hold(-self._held)
        self._received = 0
        self._waiting.clear()
        self.server.closed(self)

    def eof_received(self) -> bool:
        """The client asks no more; it still gets its answers."""
        if self._current is None:
            return False
        self._close_after_last()
        return True

    def pause_writing(self) -> None:
        self.writable = False
        self.write_deadline = self.server.tick + WRITE_SECONDS

    def resume_writing(self) -> None:
        self.writable = True
        self.write_deadline = 0

    def data_received(self, data: bytes) -> None:
        if self.lingering:
            return
        if not self._in_body:
            if not self._head and not self._current:
                self.deadline = self.server.tick + HEAD_SECONDS
            self._head += len(data)
        else:
            self._aside += len(data)
        try:
            while data:
                data = self._parsed(data)
        except httptools.HttpParserUpgrade:
            self._refuse(501, "this is no proxy; ask for a path of this server")
        except httptools.HttpParserCallbackError:
            logging.getLogger(__name__).exception("a request could not be handed over")
            if self.transport is not None:
                self.transport.abort()
        except httptools.HttpParserError as error:
            self._refuse(400, f"this is not HTTP/1.1: {error}")
        else:
            if (self._aside if self._in_body else self._head) > LARGEST_HEAD:
                self._refuse(431, f"the headers are larger than {LARGEST_HEAD // 1024} KB")

    def _parsed(self, data: bytes) -> bytes:
        """What is left to parse. Raises HttpParserUpgrade for CONNECT."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._parser.get_method() == b"CONNECT":
                raise
            head = without_upgrade(self._parser, self._url, self._headers)
            self._parser = httptools.HttpRequestParser(self)
            self._begin()
            return head + data[upgrade.args[0] :]
        return b""

    # ---- httptools calls these

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields[_NAMES[name]] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        headers = self._headers = self._fields
        if "upgrade" in headers and self._parser.should_upgrade():
            return  # it is parsed again, without
        self._head = 0
        length = headers.get("content-length")
        if length is None and "transfer-encoding" not in headers:
            return
        if length is None:
            self._fields = {}  # what follows the last chunk is no header (RFC 9110, 6.5.1)
        self._in_body = True
        self._aside = 0
        self._body_since = self.server.tick
        if not self._current:
            self.deadline = 0
        if length is not None and int(length) > self._largest_body:
            self._refuse(413, self._too_large())
        elif "expect" in headers and headers["expect"].lower() == "100-continue":
            self._write(CONTINUE)

    def on_body(self, chunk: bytes) -> None:
        if self.lingering:
            return
        self._aside = 0
        self._chunks.append(chunk)
        server = self.server
        self._received += len(chunk)
        self._held += len(chunk)
        server.held += len(chunk)
        if self._received > self._largest_body:
            self._refuse(413, self._too_large())
        elif server.held > server.most_held:
            self._refuse(503, "too many large requests at once; try again later")

    def on_message_complete(self) -> None:
        if self.lingering or self._parser.should_upgrade():
            return  # to upgrade: what was parsed is its head alone
        self._in_body = False
        self._head = 0
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        exchange = Exchange(self, self._url, body, self._headers, self._parser)
        self._begin()
        if self._current is None:
            self._hand_over(exchange)
            return
        self._waiting.append(exchange)
        if len(self._waiting) >= MOST_PIPELINED and self.transport is not None:
            self.transport.pause_reading()

    # ---- the server and the exchanges call these

    def send(self, exchange: Exchange, answer: Answer) -> None:
        """Answer the request in progress and turn to the next one."""
        keep = exchange.keep_alive and not self.server.one_each
        if self.transport is not None:
            head = head_of(answer, keep_alive=keep)
            body = answer.body if exchange.method != b"HEAD" else b""
            if len(body) < 65536:
                self.transport.write(head + body)
            else:
                self.transport.write(head)
                self.transport.write(body)
        self.finish(keep)

    def send_bytes(self, exchange: Exchange, content: bytes) -> None:
        """Send an answer that is written out already."""
        self._write(content)
        self.finish(exchange.keep_alive)

    def begin_chunks(self, exchange: Exchange, answer: Answer) -> None:
        """Send the head of an answer that comes in pieces."""
        exchange.keep_alive = exchange.keep_alive and not self.server.one_each
        self._write(head_of(answer, keep_alive=exchange.keep_alive, chunked=exchange.http11))

    def send_chunk(self, exchange: Exchange, content: bytes) -> None:
        """Send one piece; an empty one is nothing."""
        if content:
            self._write(chunk_of(content) if exchange.http11 else content)

    def end_chunks(self, exchange: Exchange, *, complete: bool) -> None:
        """End the answer; an incomplete one by breaking the connection, which a client notices."""
        if not complete and self.transport is not None:
            self.transport.abort()
        elif exchange.http11:
            self._write(LAST_CHUNK)
        self.finish(exchange.keep_alive)

    def give_up(self) -> None:
        """Break the connection: the client learns that there is no answer."""
        if self.transport is not None:
            self.transport.abort()

    def finish(self, keep_alive: bool) -> None:
        """Ready for the next request, or closed."""
        current, self._current = self._current, None
        if self.transport is None:
            return
        if current is not None and current.body:
            self._hold(-len(current.body))
        if not keep_alive:
            self._waiting.clear()
            self._refusal = None
            self.deadline = self.server.tick + WRITE_SECONDS  # what is written is still on its way
            self.transport.close()
            return
        if self._turning:
            return  # to the loop that handed the request over
        if self._waiting:
            self._turn_to_waiting()
            if self._current or self._closed:
                return
        if self._refusal is not None:
            self._send_refusal(self._refusal)
        else:
            if self._in_body:
                self._body_since = self.server.tick
            self.deadline = self.server.tick + (HEAD_SECONDS if self._head else IDLE_SECONDS)

    @property
    def idle(self) -> bool:
        """Nothing has been asked that is not answered, nothing has begun to arrive."""
        return not (self._current or self._head or self._in_body)

    def check(self, tick: int) -> None:
        """Close the connection if its client is too slow; called every second."""
        if self.transport is None:
            return
        if self.write_deadline and tick > self.write_deadline:
            self.transport.abort()
        elif self._current:
            return
        elif self._in_body:
            seconds = tick - self._body_since - BODY_GRACE_SECONDS
            if seconds > 0 and self._received < seconds * BODY_BYTES_PER_SECOND:
                self._refuse(408, "the body came too slowly")
        elif tick > self.deadline:
            if self.lingering or not self._head:
                self.transport.abort()
            else:
                self._refuse(408, f"the headers took longer than {HEAD_SECONDS} s")

    def _hand_over(self, exchange: Exchange) -> None:
        self._current = exchange
        self.deadline = 0
        self.server.handle(exchange)

    def _hold(self, size: int) -> None:
        self._held += size
        self.server.held += size

    def _turn_to_waiting(self) -> None:
        """Hand over what waits until one is not answered at once.

        An answer at once ends here again, from within: thousands of small requests in one write
        would be as many calls deep.
        """
        self._turning = True
        try:
            while self._waiting and not self._current and not self._closed:
                if len(self._waiting) == MOST_PIPELINED and self.transport is not None:
                    self.transport.resume_reading()
                self._hand_over(self._waiting.popleft())
        finally:
            self._turning = False

    @property
    def _closed(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    def _write(self, content: bytes) -> None:
        if self.transport is not None:
            self.transport.write(content)

    def _close_after_last(self) -> None:
        if self._waiting:
            self._waiting[-1].keep_alive = False
        elif self._current:
            self._current.keep_alive = False
        elif self.transport is not None:
            self.transport.close()

    def _too_large(self) -> str:
        limit = self._largest_body // 1024**2
        return f"the body is larger than {limit} MB, the largest this server takes"

    def _refuse(self, status: int, message: str) -> None:
        """Answer and read no more; the client gets a moment to take the answer in.

        Closing while bytes are still coming in would reset the connection, and the answer with it.
        """
        if self.lingering or self.transport is None:
            return
        self.lingering = True
        self._in_body = False
        self._head = 0
        self._hold(-self._received)
        self._begin()
        answer = error_answer(status, message)
        if self._current:  # an earlier request of this connection is still being answered
            self._refusal = answer
        else:
            self._send_refusal(answer)

    def _send_refusal(self, answer: Answer) -> None:
        if self.transport is None:
            return
        self.server.refused(answer)
        self._write(head_of(answer, keep_alive=False) + answer.body)
        self.deadline = self.server.tick + LINGER_SECONDS
        if self.transport.can_write_eof():
            self.transport.write_eof()
