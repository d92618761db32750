"""From a connection's bytes to requests: httptools parses; their sizes are limited here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import httptools  # type: ignore[import-not-found,unused-ignore]  # in the image's environment

from inference_server.exchange import Exchange
from inference_server.upgrade import without_upgrade
from inference_server.wire import CONTINUE

if TYPE_CHECKING:
    from inference_server.connection import Connection

LARGEST_HEAD = 32 * 1024
# What is remembered of names, so that nobody can fill the memory with new ones.
MOST_NAMES, LARGEST_NAME = 256, 64


class _Names(dict[bytes, str]):
    """Names of headers in lower case, by how clients write them; they are few."""

    def __missing__(self, written: bytes) -> str:
        name = written.decode("latin-1").lower()
        if len(self) < MOST_NAMES and len(written) <= LARGEST_NAME:
            self[written] = name
        return name


_NAMES = _Names()


class RequestReader:
    """Gives its connection each complete request, or refuses what is none or too large."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._server = connection.server
        self._largest_body = self._server.settings.max_payload_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._headers: dict[str, str] = {}
        self._aside = 0
        """Bytes since the last ones of a body: trailers, which nobody asked for."""
        self.discard()

    def discard(self) -> None:
        """Forget what has arrived of a request."""
        self.head = 0
        """Bytes of a request whose headers are not complete."""
        self.in_body = False
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._fields: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self.received = 0
        """Bytes of the body that is arriving."""

    def feed(self, data: bytes) -> None:
        """Read on."""
        if self.in_body:
            self._aside += len(data)
        else:
            if not self.head:
                self._connection.since = self._server.tick
            self.head += len(data)
        try:
            while data:
                data = self._parsed(data)
        except httptools.HttpParserUpgrade:
            self._connection.refuse(501, "this is no proxy; ask for a path of this server")
        except httptools.HttpParserCallbackError:
            logging.getLogger(__name__).exception("a request could not be handed over")
            self._connection.give_up()
        except httptools.HttpParserError as error:
            self._connection.refuse(400, f"this is not HTTP/1.1: {error}")
        else:
            if (self._aside if self.in_body else self.head) > LARGEST_HEAD:
                message = f"the headers are larger than {LARGEST_HEAD // 1024} KB"
                self._connection.refuse(431, message)

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
        self.head = 0
        length = headers.get("content-length")
        if length is None and "transfer-encoding" not in headers:
            return
        if length is None:
            self._fields = {}  # what follows the last chunk is no header (RFC 9110, 6.5.1)
        self.in_body = True
        self._aside = 0
        self._connection.since = self._server.tick
        if length is not None and int(length) > self._largest_body:
            self._refuse_large()
        elif "expect" in headers and headers["expect"].lower() == "100-continue":
            self._connection.write(CONTINUE)

    def on_body(self, chunk: bytes) -> None:
        if self._connection.lingering:
            return
        self._aside = 0
        self._chunks.append(chunk)
        self.received += len(chunk)
        self._connection.hold(len(chunk))
        if self.received > self._largest_body:
            self._refuse_large()
        elif self._server.held > self._server.most_held:
            self._connection.refuse(503, "too many large requests at once; try again later")

    def on_message_complete(self) -> None:
        if self._connection.lingering or self._parser.should_upgrade():
            return  # to upgrade: what was parsed is its head alone
        self.in_body = False
        self.head = 0
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        exchange = Exchange(self._connection, self._url, body, self._headers, self._parser)
        self._begin()
        self._connection.take(exchange)

    def _refuse_large(self) -> None:
        limit = self._largest_body // 1024**2
        self._connection.refuse(
            413, f"the body is larger than {limit} MB, the largest this server takes"
        )
