"""Ports for servers that a test starts."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A port of 127.0.0.1 that for a minute no process is offered again.

    Tests run beside one another: a port that is only closed is anybody's until its server binds
    it. The end of a connection stays with the kernel (TIME_WAIT), which a server may bind past
    with SO_REUSEADDR, as servers do.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        with socket.create_connection(probe.getsockname()) as client:
            probe.accept()[0].close()  # the side that closes first is the one that waits
            client.recv(1)
        return int(probe.getsockname()[1])
