"""One HTTP connection: requests take turns, and are answered in the order they came in."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from inference_server.exchange import Exchange
from inference_server.models.base import Answer
from inference_server.refusals import error_answer
from inference_server.request_reader import RequestReader
from inference_server.wire import head_of

if TYPE_CHECKING:
    from inference_server.server import Server

MOST_PIPELINED = 8


class Connection(asyncio.Protocol):
    """Hands complete requests to the server one at a time, or refuses the client's next one."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.transport: asyncio.Transport | None = None
        self.reader = RequestReader(self)
        self.since = server.tick
        """The tick at which the present step began: a head, a body, idling, or the last answer."""
        self.answered = False
        """At least one request has been."""
        self.lingering = False
        """What still comes is not read: the answer is a refusal, or has been one."""
        self.full_since: int | None = None
        """The tick at which the client stopped taking its answer in."""
        self._current: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._turning = False
        self._refusal: Answer | None = None
        self._held = 0
        """Bytes of this connection's bodies, whole or not, that are not answered."""

    # ---- asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's own class, same methods
        self.server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.full_since = None
        self.hold(-self._held)
        self.reader.discard()
        self._waiting.clear()
        self.server.closed(self)

    def data_received(self, data: bytes) -> None:
        if not self.lingering:
            self.reader.feed(data)

    def eof_received(self) -> bool:
        """The client asks no more; it still gets its answers."""
        if self._current is None:
            return False
        last = self._waiting[-1] if self._waiting else self._current
        last.keep_alive = False
        return True

    def pause_writing(self) -> None:
        self.full_since = self.server.tick

    def resume_writing(self) -> None:
        self.full_since = None

    # ---- the server and the exchanges ask for these

    @property
    def closing(self) -> bool:
        """Nothing is asked or answered any more; what is written may still be on its way."""
        return self.transport is None or self.transport.is_closing()

    @property
    def writable(self) -> bool:
        """The client takes its answer in."""
        return self.full_since is None

    @property
    def busy(self) -> bool:
        """A request has been handed over and not been answered."""
        return self._current is not None

    def answers(self, exchange: Exchange) -> bool:
        """Whether this request has been handed over and not been answered."""
        return self._current is exchange

    @property
    def idle(self) -> bool:
        """Nothing has been asked that is not answered, nothing has begun to arrive."""
        return not (self._current or self.reader.head or self.reader.in_body)

    def give_up(self) -> None:
        """Break the connection: the client learns that there is no answer."""
        if self.transport is not None:
            self.transport.abort()

    # ---- the reader calls these

    def hold(self, size: int) -> None:
        """Count bytes of bodies that are in memory now, or with a minus, that no longer are."""
        self._held += size
        self.server.held += size

    def take(self, exchange: Exchange) -> None:
        """Hand a request over, at once or in its turn."""
        if self._current is None:
            self._current = exchange
            self.server.handle(exchange)
            return
        self._waiting.append(exchange)
        if len(self._waiting) >= MOST_PIPELINED and self.transport is not None:
            self.transport.pause_reading()

    def refuse(self, status: int, message: str) -> None:
        """Answer and read no more; the client gets a moment to take the answer in.

        Closing while bytes are still coming in would reset the connection, and the answer with it.
        """
        if self.lingering or self.transport is None:
            return
        self.lingering = True
        self.hold(-self.reader.received)
        self.reader.discard()
        answer = error_answer(status, message)
        if self._current:  # an earlier request of this connection is still being answered
            self._refusal = answer
        else:
            self._send_refusal(answer)

    def _send_refusal(self, answer: Answer) -> None:
        if self.transport is None:
            return
        self.server.refused(answer)
        self.write(head_of(answer, keep_alive=False) + answer.body)
        self.since = self.server.tick
        if self.transport.can_write_eof():
            self.transport.write_eof()

    # ---- the exchanges call these

    def write(self, content: bytes) -> None:
        """Send bytes, if there still is someone to get them."""
        if self.transport is not None:
            self.transport.write(content)

    def finish(self, keep_alive: bool) -> None:
        """The request is answered: ready for the next one, or closed."""
        current, self._current = self._current, None
        if self.transport is None:
            return
        self.answered = True
        self.since = self.server.tick
        if current is not None and current.body:
            self.hold(-len(current.body))
        if not keep_alive:
            self._waiting.clear()
            self._refusal = None
            self.transport.close()
            return
        if self._turning:
            return  # to the loop that handed the request over
        if self._waiting:
            self._turn_to_waiting()
        if self._refusal is not None and not (self._current or self.closing):
            self._send_refusal(self._refusal)

    def _turn_to_waiting(self) -> None:
        """Hand over what waits until one is not answered at once.

        An answer at once ends here again, from within: thousands of small requests in one write
        would be as many calls deep.
        """
        self._turning = True
        try:
            while self._waiting and not self._current and not self.closing:
                if len(self._waiting) == MOST_PIPELINED and self.transport is not None:
                    self.transport.resume_reading()
                self._current = self._waiting.popleft()
                self.server.handle(self._current)
        finally:
            self._turning = False
