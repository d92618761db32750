"""How long a client may take for each step; the server has its own limits for the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference_server.connection import Connection

HEAD_SECONDS = 10
IDLE_SECONDS = 75  # longer than the 60 s that load balancers keep a connection by default
# A body may come slowly, not arbitrarily slowly: 16 KB/s after a grace.
BODY_GRACE_SECONDS = 20
BODY_BYTES_PER_SECOND = 16 * 1024
WRITE_SECONDS = 30
LINGER_SECONDS = 2


def enforce(connection: Connection, tick: int) -> None:
    """Refuse or break off what takes longer than it may; called every second."""
    reader = connection.reader
    seconds = tick - connection.since
    if connection.full_since is not None and tick - connection.full_since > WRITE_SECONDS:
        connection.give_up()
    elif connection.busy:
        return
    elif connection.closing:
        if seconds > WRITE_SECONDS:
            connection.give_up()
    elif connection.lingering:
        if seconds > LINGER_SECONDS:
            connection.give_up()
    elif reader.in_body:
        late = seconds - BODY_GRACE_SECONDS
        if late > 0 and reader.received < late * BODY_BYTES_PER_SECOND:
            connection.refuse(408, "the body came too slowly")
    elif reader.head:
        if seconds > HEAD_SECONDS:
            connection.refuse(408, f"the headers took longer than {HEAD_SECONDS} s")
    elif seconds > (IDLE_SECONDS if connection.answered else HEAD_SECONDS):
        connection.give_up()
