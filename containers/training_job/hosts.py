"""Where the first instance of a job is reached by the others."""

from __future__ import annotations

import os
import socket
import time

from training_job.failure import TrainingError

# torch's own name, so that one variable works in every trainer; the port is free in these images.
PORT = int(os.environ.get("MASTER_PORT") or 7777)
# Host names may resolve late (contracts 1.2), and an instance may start minutes after another.
GATHER_SECONDS = float(os.environ.get("TRAINER_GATHER_SECONDS") or 900)


def address(host: str, deadline: float) -> str:
    """The host's address as soon as it has one.

    Raises:
        TrainingError: it had none until `deadline`, of `time.monotonic`.
    """
    while True:
        try:
            return socket.gethostbyname(host)
        except OSError as error:
            if time.monotonic() > deadline:
                raise TrainingError(
                    f"host {host} has had no address for {GATHER_SECONDS:g} seconds: {error}"
                ) from error
            time.sleep(1)
