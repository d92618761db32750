"""Ports of this machine: who listens on one."""

from __future__ import annotations

import socket

from ops.errors import OpsError


def refuse_taken(port: int) -> None:
    """Raise OpsError, naming who has it, unless the port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as fault:
            owner = port_owner(port) or "another program"
            raise OpsError(
                f"port {port} is taken by {owner}",
                fix=f"stop that program, or choose another port: make local PORT={port + 1}",
            ) from fault


def listens(port: int) -> bool:
    """Whether anybody answers there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def port_owner(port: int) -> str | None:
    """Which process listens on a port, as far as this user may know."""
    import psutil

    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN":
                if connection.pid is None:
                    return "a process of another user"
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    return None
