"""SIGTERM at any time under load: what was accepted is answered, and the end comes in time."""

from __future__ import annotations

import random
import signal
import threading
import time

import pytest
from support.inference_server import Running, request, running, status

AT_LEAST = 100  # requests answered before each end
SECONDS = 90.0  # for a trial


class Client(threading.Thread):
    """Asks on fresh connections until the port is closed; what it lost is a fault."""

    def __init__(self, server: Running) -> None:
        super().__init__(daemon=True)
        self.server, self.answered, self.lost = server, 0, []
        self.until = time.monotonic() + SECONDS

    def run(self) -> None:
        while time.monotonic() < self.until:
            try:
                connection = self.server.connect()
            except OSError:
                return  # never accepted
            with connection:
                try:
                    connection.sendall(request(b"UA,1,2,1", extra="Connection: close\r\n"))
                    answer = b""
                    while piece := connection.recv(65536):
                        answer += piece
                except OSError as error:
                    self.lost.append(repr(error))
                    continue
                if status(answer) == 200 and b"predictions" in answer:
                    self.answered += 1
                else:
                    self.lost.append(repr(answer[:100]))


@pytest.mark.parametrize("trials", [1, pytest.param(50, marks=pytest.mark.abuse)])
@pytest.mark.timeout(900)
def test_no_accepted_request_is_lost_when_the_server_is_told_to_end(model, figure, trials):
    dice = random.Random(17)  # noqa: S311  chance, not secrets
    answered, lost, slowest = 0, [], 0.0
    for _ in range(trials):
        with running(model, SAGEMAKER_MODEL_SERVER_WORKERS="2") as server:
            clients = [Client(server) for _ in range(6)]
            for client in clients:
                client.start()
            while sum(client.answered for client in clients) < AT_LEAST:
                assert any(client.is_alive() for client in clients), clients[0].lost[:3]
                time.sleep(0.01)
            time.sleep(dice.uniform(0, 0.4))
            server.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert server.process.wait(timeout=25) == 0
            slowest = max(slowest, time.monotonic() - began)
            for client in clients:
                client.join(SECONDS)
                assert not client.is_alive()
                answered += client.answered
                lost += client.lost
    figure(
        f"drain: {trials} ends under load, {len(lost)} of {answered + len(lost)} requests lost, "
        f"slowest end {slowest:.1f} s"
    )
    assert not lost, lost[:3]
