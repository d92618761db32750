"""How a trainer begins and ends: SageMaker's argument, its signal and its failure file."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from training_job.failure import PeerLostError, describe, write_failure
from training_job.paths import Paths

logger = logging.getLogger(__name__)
# In which whoever ended first on this instance, or the process that watches it, says why.
_AFTER_YOU_SECONDS = 10.0


def run(name: str, arguments: list[str], work: Callable[[Paths], int], *, smaller: str) -> int:
    """What `work` returns for this machine's `/opt/ml`; without a model, 1 and a failure file.

    `smaller` is for `describe`. 2 for arguments that are not SageMaker's.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    if arguments != ["train"]:
        logger.error("usage: python -m %s train (got: %s)", name, " ".join(arguments) or "nothing")
        return 2
    paths = Paths.from_environment()
    try:
        return work(paths)
    except Exception as error:  # whatever it is, the job's owner must be told
        logger.exception("training failed")
        if isinstance(error, PeerLostError):
            time.sleep(_AFTER_YOU_SECONDS)
        write_failure(paths.failure, describe(error, smaller=smaller))
        sys.stdout.flush()
        # Not through a library's own end: without its peers it hangs, or has another code.
        os._exit(1)


def stop_on_sigterm(unit: str) -> threading.Event:
    """Set by SIGTERM; SageMaker kills 120 s later, so the job ends after the round or epoch.

    One that was held until now is heard too.
    """
    stop = threading.Event()

    def on_sigterm(_signal: int, _frame: FrameType | None) -> None:
        logger.info("SIGTERM: stopping after this %s and saving the best model so far", unit)
        stop.set()

    signal.signal(signal.SIGTERM, on_sigterm)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    return stop
