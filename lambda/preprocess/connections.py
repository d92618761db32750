"""Connections to S3 over http.client, kept open from request to request, one a thread."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Mapping

TIMEOUT = 60  # seconds for a connection to answer; a range is 8 MiB


class Connections:
    """Sends requests; safe to use from several threads."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._tls: ssl.SSLContext | None = None

    def forget(self) -> None:
        """The thread's next request opens a connection of its own."""
        self._local.connection = None

    def send(
        self,
        address: tuple[str, str],
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body of the answer; `address` is the scheme and the host."""
        kept = getattr(self._local, "connection", None)
        if kept is None or kept[0] != address:
            kept = (address, self._connect(*address))
            self._local.connection = kept
        connection = kept[1]
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value.encode())
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body or None)
        with connection.getresponse() as response:
            answer = response.read()
            found = {name.lower(): value for name, value in response.getheaders()}
            return response.status, found, answer

    def _connect(self, scheme: str, host: str) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, timeout=TIMEOUT)
        self._tls = self._tls or ssl.create_default_context()
        return http.client.HTTPSConnection(host, timeout=TIMEOUT, context=self._tls)
