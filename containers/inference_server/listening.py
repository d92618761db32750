"""The port: opened before anything slow, and closed without losing who has just come."""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from contextlib import suppress

_SO_ATTACH_FILTER = 26
# Classic BPF over a segment's TCP header: of the flags, SYN without ACK is dropped.
_NO_NEWCOMERS = (
    (0x30, 0, 0, 13),  # A = flags
    (0x54, 0, 0, 0x12),  # A &= SYN | ACK
    (0x15, 0, 1, 0x02),  # if A == SYN
    (0x06, 0, 0, 0),  # drop, else
    (0x06, 0, 0, 0xFFFFFFFF),  # keep
)


def open_port(host: str, port: int) -> socket.socket | None:
    """A listening socket; None if the port cannot be had."""
    try:
        listener = socket.create_server((host, port), backlog=2048)
    except OSError:
        return None
    listener.setblocking(False)  # of several workers that wake up, one gets the connection
    return listener


def turn_newcomers_away(listener: socket.socket) -> None:
    """No connection begins any more; those that have begun still come in.

    Closing a listening socket resets what waits on it, and a connection can come between the last
    look and the close. A client that is turned away tries again a second later and is refused:
    nothing of its request was ever sent. Elsewhere than on Linux nothing happens.
    """
    if sys.platform != "linux":
        return
    program = b"".join(struct.pack("HBBI", *step) for step in _NO_NEWCOMERS)
    kept = ctypes.create_string_buffer(program, len(program))
    with suppress(OSError):  # some sandboxes know no filters; the port is closed all the same
        listener.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("HL", len(_NO_NEWCOMERS), ctypes.addressof(kept)),
        )
