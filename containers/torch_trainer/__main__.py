"""`python -m torch_trainer train`: what SageMaker runs; one process a GPU, or one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType

from training_job import program
from training_job.failure import TrainingError
from training_job.paths import Paths

RANK, COUNT = "LOCAL_RANK", "LOCAL_WORLD_SIZE"
_POLL_SECONDS = 0.2


def main(arguments: list[str]) -> int:
    """Run the job of this machine's `/opt/ml`; 0 when a model was left, 1 with a failure file."""
    return program.run("torch_trainer", arguments, _train, smaller="batch_size or hidden")


def _train(paths: Paths) -> int:
    if RANK not in os.environ:
        # Held until one of us listens, and by those who are started meanwhile until they do.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        count = _processes(paths)
        # With peers elsewhere also a single one: what ends it may not let it say so.
        if count > 1 or len(paths.hosts()) > 1:
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
    """0 when each of the processes, one a GPU, ended well; a signal goes on to all of them.

    One that fails tells why itself; the others, which would wait for it, are ended.

    Raises:
        TrainingError: one was killed, which it cannot tell.
    """
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
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    codes = _codes(started)
    failed = next((code for code in codes if code), 0)
    if failed:
        for process in started:
            process.kill()
            process.wait()
    if failed < 0:
        who = f"one of the {count} processes" if count > 1 else "the process"
        why = (
            "most often the instance has too little memory: use a larger InstanceType, fewer"
            " processes, or a smaller batch_size or hidden"
        )
        if failed == -signal.SIGABRT:
            # NCCL ends its process when it cannot go on.
            why = (
                "most often it lost the connection to another process of the job; that one's own"
                " log and failure say why"
            )
        raise TrainingError(
            f"{who} of this instance was ended by signal {-failed} ({signal.strsignal(-failed)});"
            f" {why}"
        )
    return int(failed != 0)


def _codes(started: list[subprocess.Popen[bytes]]) -> list[int]:
    """The exit codes of those that have ended, as soon as one failed or all are done."""
    while True:
        codes = [code for code in (process.poll() for process in started) if code is not None]
        if any(codes) or len(codes) == len(started):
            return codes
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
