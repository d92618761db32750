"""Load for as long as SOAK_SECONDS says: the rate holds, answers stay fast, memory stays flat.

Memory is what all processes of the server hold, shared pages counted in each. It is compared from
the moment WARM_UP requests are answered: the first ones map the code they need.
"""

from __future__ import annotations

import os
import statistics
import threading
import time

import pytest
from support.inference_server import HANGS_SECONDS, Running, answers, quantile, request

CONNECTIONS = 8
LONG = int(os.environ.get("SOAK_SECONDS", "600"))
WARM_UP = 1000
# Between an answer and the next request of a connection: a load, not a race with the server.
PAUSE_SECONDS = 0.005
SAMPLES = 200


def ask(server: Running, stop: threading.Event, took: list[float]) -> None:
    content = request(b"UA,1,2,1")
    with server.connect() as connection:
        while not stop.is_set():
            began = time.perf_counter()
            connection.sendall(content)
            ((code, _),) = answers(connection.recv(65536))
            assert code == 200
            took.append(time.perf_counter() - began)
            time.sleep(PAUSE_SECONDS)


@pytest.mark.parametrize("seconds", [2, pytest.param(LONG, marks=pytest.mark.abuse)])
@pytest.mark.timeout(LONG + 60)
def test_a_load_is_carried_for_long_in_the_same_memory(server: Running, figure, seconds):
    stop, began = threading.Event(), time.monotonic()
    took: list[list[float]] = [[] for _ in range(CONNECTIONS)]
    threads = [threading.Thread(target=ask, args=(server, stop, one)) for one in took]
    for thread in threads:
        thread.start()
    try:
        while sum(map(len, took)) < WARM_UP:
            assert time.monotonic() - began < HANGS_SECONDS
            time.sleep(0.01)
        memory = [server.resident()]
        for _ in range(SAMPLES):
            time.sleep(seconds / SAMPLES)
            memory.append(server.resident())
        assert all(thread.is_alive() for thread in threads), "one was not answered as it should"
    finally:
        stop.set()
    lasted = time.monotonic() - began
    for thread in threads:
        thread.join(timeout=10)
    every = [one for some in took for one in some]
    change = memory[-1] / memory[0] - 1
    slope = statistics.linear_regression(range(len(memory)), memory).slope
    trend = slope * len(memory) / memory[0]
    rate, p99 = len(every) / lasted, quantile(every, 0.99)
    figure(
        f"soak: {lasted:.0f} s, {rate:.0f} requests/s, p99 {p99 * 1000:.1f} ms, {len(every)}"
        f" requests, 0 failed; memory after the first {WARM_UP} of them {memory[0] / 1e6:.1f} MB,"
        f" {change:+.2%} at the end, trend {trend:+.2%}"
    )
    assert max(abs(change), abs(trend)) <= 0.01
    if seconds == LONG:  # a moment's rate is the machine's other work
        assert rate >= 500
        assert p99 < 0.05
