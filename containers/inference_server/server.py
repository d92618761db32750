"""Accepting connections up to a number, and letting them go at the end without losing a request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from inference_server import deadlines
from inference_server.connection import Connection
from inference_server.exchange import Exchange
from inference_server.models.base import Answer
from inference_server.settings import Settings

# A client that sends just as we stop still gets its answer: idle connections are kept this long.
IDLE_GRACE_SECONDS = 0.5
LAST_ARRIVAL_SECONDS = 0.25
# What all connections together may hold of bodies that are not answered, in largest bodies.
MOST_BODIES_HELD = 16


class Server:
    """The connections of one process on a listening socket that others may share."""

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        loop: asyncio.AbstractEventLoop,
        *,
        handle: Callable[[Exchange], None],
        refused: Callable[[Answer], None],
    ) -> None:
        self.settings = settings
        self.handle = handle
        self.refused = refused
        self.draining = False
        self.one_each = False
        """Close each connection after its next answer; the one after that finds another process."""
        self.tick = 0
        """Seconds since the start: one clock for every connection, instead of a timer each."""
        self.held = 0
        self.most_held = max(256 * 1024**2, MOST_BODIES_HELD * settings.max_payload_bytes)
        self._listener = listener
        self._loop = loop
        self._accepting = False
        self._connections: dict[Connection, None] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._drained: Callable[[], None] | None = None
        # Every process of several wakes up for a connection: each takes one at a time.
        self._at_once = 1 if settings.workers > 1 else 16

    def start(self) -> None:
        """Accept connections from now on."""
        self._accepting = True
        self._loop.add_reader(self._listener.fileno(), self._accept)
        self._loop.call_later(1, self._second)

    def drain(self, then: Callable[[], None], seconds: float, *, rest: bool = True) -> None:
        """Take no new connection, answer what was asked, and call `then` when all are closed.

        With `rest`, connections that wait to be accepted are taken first.
        """
        if self.draining:
            return
        self.draining = self.one_each = True
        self._drained = then
        if rest and self._accepting:
            self._at_once = 4096
            self._accept()
            # Newcomers are turned away; a connection that has begun arrives within a round trip.
            self._loop.call_later(LAST_ARRIVAL_SECONDS, self._close_port)
        else:
            self._close_port(rest=False)
        self._loop.call_later(IDLE_GRACE_SECONDS, self._close_idle)
        self._loop.call_later(seconds, self._give_up)
        self._maybe_drained()

    def _close_port(self, *, rest: bool = True) -> None:
        if self._accepting:
            if rest:
                self._accept()
            self._loop.remove_reader(self._listener.fileno())
            self._accepting = False
        self._listener.close()
        self._maybe_drained()

    def opened(self, connection: Connection) -> None:
        self._connections[connection] = None

    def closed(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        self._maybe_drained()

    def _accept(self) -> None:
        for _ in range(self._at_once):
            if len(self._connections) + len(self._tasks) >= self.settings.max_connections:
                self._make_room()
            try:
                client, _address = self._listener.accept()
            except OSError:
                # Another process took it, or the client went away, or there are no descriptors.
                return
            client.setblocking(False)
            task = self._loop.create_task(
                self._loop.connect_accepted_socket(lambda: Connection(self), client)
            )
            self._tasks.add(task)
            task.add_done_callback(self._accepted)

    def _accepted(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the client went away meanwhile; nothing to do about it
        self._maybe_drained()

    def _make_room(self) -> None:
        # The one that has kept us waiting longest; a slow client never keeps a good one out.
        for connection in self._connections:
            if not connection.busy and connection.transport is not None:
                connection.transport.abort()
                del self._connections[connection]
                return

    def _second(self) -> None:
        self.tick += 1
        for connection in list(self._connections):
            deadlines.enforce(connection, self.tick)
        self._loop.call_later(1, self._second)

    def _close_idle(self) -> None:
        # Not those that have asked nothing yet: they have just come, and a client that is slow to
        # begin has as long as ever (`deadlines`).
        for connection in list(self._connections):
            if connection.answered and connection.idle and connection.transport is not None:
                connection.transport.close()
        if self._connections:
            self._loop.call_later(IDLE_GRACE_SECONDS, self._close_idle)

    def _give_up(self) -> None:
        for connection in list(self._connections):
            if connection.transport is not None:
                connection.transport.abort()
        if self._drained:
            self._drained()

    def _maybe_drained(self) -> None:
        busy = self._accepting or self._connections or self._tasks
        if self.draining and self._drained and not busy:
            self._drained()
