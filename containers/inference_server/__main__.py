"""`python -m inference_server serve`: what SageMaker runs."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

from inference_server.listening import open_port
from inference_server.logs import configure, flush, log
from inference_server.settings import read_settings
from inference_server.user import leave_root


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM; 0 after a clean end, 1 with a sentence on stderr otherwise."""
    if len(arguments) == 2 and arguments[0] == "digest":
        return _digest(Path(arguments[1]))
    if arguments != ["serve"]:
        return _fail(f"usage: python -m inference_server serve (got: {' '.join(arguments)})", 2)
    try:
        settings = read_settings()
    except ValueError as error:
        return _fail(str(error), 2)
    configure(settings.log_level)
    if settings.gpus and settings.providers[0] == "cpu":
        log(logging.WARNING, "there are GPUs and the CPU serves", gpus=settings.gpus)
    if settings.workers > 1:
        # Each worker has a core's worth of work already; must be set before numpy is imported.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    # From the port on somebody may wait for our end; the supervisor listens a moment later.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    listener = open_port(settings.host, settings.port)
    if listener is None:
        return _fail(f"cannot listen on {settings.host}:{settings.port}; the port may be taken")
    if why := leave_root(settings):
        log(logging.WARNING, why)
    # Imported after the port is bound: SageMaker may connect from now on.
    from inference_server.supervisor import Supervisor

    failure = Supervisor(settings, listener).run()
    if failure is not None:
        return _fail(failure)
    log(logging.INFO, "stopped")
    return 0


def _digest(folder: Path) -> int:
    from inference_server.errors import ModelLoadError
    from inference_server.models.folder import digest

    if not folder.is_dir():
        return _fail(f"there is no model folder {folder}")
    try:
        sys.stdout.write(digest(folder) + "\n")
    except ModelLoadError as error:
        return _fail(str(error))
    return 0


def _fail(sentence: str, code: int = 1) -> int:
    sys.stderr.write(f"inference_server: {sentence}\n")
    return code


if __name__ == "__main__":
    exit_code = main(sys.argv[1:])
    flush(patience=1)
    sys.stderr.flush()
    # A user's model may keep threads that never end; SageMaker waits for the process.
    os._exit(exit_code)
