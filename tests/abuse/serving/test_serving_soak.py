"""Load for as long as SOAK_SECONDS says: the rate holds, answers stay fast, memory stays flat."""

from __future__ import annotations

import os
import threading
import time

import pytest
from support.inference_server import Running, answers, quantile, request

CONNECTIONS = 8
LONG = int(os.environ.get("SOAK_SECONDS", "600"))


def ask(server: Running, until: float, took: list[float]) -> None:
    content = request(b"UA,1,2,1")
    with server.connect() as connection:
        while time.monotonic() < until:
            began = time.perf_counter()
            connection.sendall(content)
            ((code, _),) = answers(connection.recv(65536))
            assert code == 200
            took.append(time.perf_counter() - began)


@pytest.mark.parametrize("seconds", [1, pytest.param(LONG, marks=pytest.mark.abuse)])
@pytest.mark.timeout(LONG + 60)
def test_a_load_is_carried_for_long_in_the_same_memory(server: Running, figure, seconds):
    until = time.monotonic() + seconds
    took: list[list[float]] = [[] for _ in range(CONNECTIONS)]
    threads = [threading.Thread(target=ask, args=(server, until, one)) for one in took]
    for thread in threads:
        thread.start()
    memory = []
    while time.monotonic() < until:
        time.sleep(min(1, seconds / 10))
        memory.append(server.resident())
    for thread in threads:
        thread.join()
    every = [one for some in took for one in some]
    # The first tenth warms up.
    change = memory[-1] / memory[len(memory) // 10] - 1
    rate, p99 = len(every) / seconds, quantile(every, 0.99)
    figure(
        f"soak: {seconds} s, {rate:.0f} requests/s, p99 {p99 * 1000:.1f} ms, "
        f"memory {change:+.2%}, {len(every)} requests, 0 failed"
    )
    assert rate >= 500
    assert p99 < 0.05
    assert abs(change) <= 0.01 or seconds < 10
