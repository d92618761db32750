"""Clients that dribble keep nobody waiting."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, suppress

import pytest
from support.inference_server import Running, quantile, running, status

LONG = (pytest.mark.abuse, pytest.mark.timeout(3600))
HEAD = b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n"


def timed(server: Running) -> float:
    began = time.perf_counter()
    assert status(server.invoke(b"UA,1,2,1")) == 200
    return time.perf_counter() - began


@pytest.mark.parametrize(("clients", "number"), [(100, 300), pytest.param(500, 5000, marks=LONG)])
def test_slow_clients_keep_no_good_one_waiting(server: Running, model, figure, clients, number):
    stop = threading.Event()
    beside, alone, ping = [], [], 0.0
    with running(model) as idle, ExitStack() as stack:
        slow = [stack.enter_context(server.connect()) for _ in range(clients)]
        for index, connection in enumerate(slow):
            connection.sendall(HEAD if index % 2 else HEAD + b"Content-Length: 1000000\r\n\r\n")

        def dribble() -> None:
            while not stop.is_set():
                for index, connection in enumerate(slow):
                    with suppress(OSError):
                        connection.send(b"x" if index % 2 == 0 else b"X-%d: 1\r\n" % index)
                    # Spread out: a burst would measure this process, not the server.
                    if stop.wait(1 / clients):
                        return

        thread = threading.Thread(target=dribble)
        thread.start()
        # In turns with an idle server, so that the machine's other work meets both.
        for index in range(number):
            beside.append(timed(server))
            alone.append(timed(idle))
            if index % 20 == 0:
                began = time.perf_counter()
                assert server.ping() == 200
                ping = max(ping, time.perf_counter() - began)
        stop.set()
        thread.join(timeout=30)
    ratio = quantile(beside, 0.99) / quantile(alone, 0.99)
    median = quantile(beside, 0.5) / quantile(alone, 0.5)
    figure(
        f"slow clients: {clients}, good p99 {ratio:.2f}x and p50 {median:.2f}x of an idle "
        f"server's, slowest ping {ping * 1000:.1f} ms"
    )
    assert median <= 2
    if number > 1000:  # of a few hundred the slowest are chance
        assert ratio <= 2
        assert ping < 2
