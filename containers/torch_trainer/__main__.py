"""`python -m torch_trainer train`: what SageMaker runs; one process a GPU, or one."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from types import FrameType

from training_job import program
from training_job.paths import Paths

logger = logging.getLogger("torch_trainer")

RANK, COUNT = "LOCAL_RANK", "LOCAL_WORLD_SIZE"


def main(arguments: list[str]) -> int:
    """Run the job of this machine's `/opt/ml`; 0 when a model was left, 1 with a failure file."""
    return program.run("torch_trainer", arguments, _train, smaller="batch_size or hidden")


def _train(paths: Paths) -> int:
    if RANK not in os.environ and (count := _processes(paths)) > 1:
        return _spread(count)
    stop = program.stop_on_sigterm("epoch")
    # Slow to import: not before the signal is heard.
    from torch_trainer import job

    rank, count = int(os.environ.get(RANK, "0")), int(os.environ.get(COUNT, "1"))
    job.run(paths, stop, local_rank=rank, local=count)
    return 0


def _processes(paths: Paths) -> int:
    asked = str(paths.hyperparameters().get("processes", "")).strip('"')
    if asked.isdigit():
        return int(asked)
    import torch

    return max(1, int(torch.cuda.device_count()))


def _spread(count: int) -> int:
    """0 when one process a GPU ended well, else 1; a signal goes on to all of them."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "torch_trainer", "train"],
            env={**os.environ, RANK: str(rank), COUNT: str(count)},
        )
        for rank in range(count)
    ]

    def pass_on(number: int, _frame: FrameType | None) -> None:
        for process in started:
            process.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    codes = []
    for process in started:
        codes.append(process.wait())
        if codes[-1]:
            for other in started:
                other.kill()
    if any(codes):
        logger.error("processes of this instance ended with %s", json.dumps(codes))
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
