"""`python -m trainer train`: what SageMaker runs."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from types import FrameType

from trainer import job
from trainer.failure import describe, write_failure
from trainer.paths import Paths

logger = logging.getLogger("trainer")


def main(arguments: list[str]) -> int:
    """Run the job of this machine's `/opt/ml`; 0 when a model was left, 1 with a failure file."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    if arguments != ["train"]:
        logger.error("usage: python -m trainer train (got: %s)", " ".join(arguments) or "nothing")
        return 2
    paths = Paths.from_environment()
    stop = threading.Event()

    def on_sigterm(_signal: int, _frame: FrameType | None) -> None:
        # SageMaker kills 120 s later: end after this round and save the best model so far.
        logger.info("SIGTERM: stopping after this round and saving the best model so far")
        stop.set()

    signal.signal(signal.SIGTERM, on_sigterm)
    try:
        job.run(paths, stop)
    except Exception as error:  # whatever it is, the job's owner must be told
        logger.exception("training failed")
        write_failure(paths.failure, describe(error))
        sys.stdout.flush()
        # Not through XGBoost's own end: without its peers it may hang, or crash with another code.
        os._exit(1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
