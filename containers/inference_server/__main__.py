"""`python -m inference_server serve`: what SageMaker runs."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

import uvicorn

from inference_server.app import Application
from inference_server.errors import ModelLoadError
from inference_server.logs import configure, log
from inference_server.models.load import load
from inference_server.settings import Settings, read_settings

# SageMaker kills 30 s after SIGTERM: requests in flight get most of that to finish.
DRAIN_SECONDS = 22


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM; 0 after a clean end, 1 with a sentence on stderr otherwise."""
    if arguments != ["serve"]:
        return _fail(f"usage: python -m inference_server serve (got: {' '.join(arguments)})", 2)
    try:
        settings = read_settings()
    except ValueError as error:
        return _fail(str(error), 2)
    configure(settings.log_level)
    return _serve(settings)


def _serve(settings: Settings) -> int:
    application = Application(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            host=settings.host,
            port=settings.port,
            http="httptools",
            loop="uvloop",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    # The server raises the signal again once it has drained; the program then ends by itself.
    signal.signal(signal.SIGTERM, lambda *_: None)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    failures: list[str] = []

    def load_model() -> None:
        # Beside the server, so that /ping says 503 while a large model loads.
        try:
            application.predictor = load(settings)
            log(logging.INFO, "ready", model_dir=str(settings.model_dir), port=settings.port)
        except ModelLoadError as error:
            failures.append(str(error))
        except Exception as error:
            logging.getLogger(__name__).exception("the model cannot be loaded")
            failures.append(f"the model cannot be loaded: {type(error).__name__}: {error}")
        if failures:
            server.should_exit = True

    threading.Thread(target=load_model, name="load", daemon=True).start()
    try:
        server.run()
    except SystemExit:
        return _fail(f"cannot listen on {settings.host}:{settings.port}; the port may be taken")
    if failures:
        return _fail(failures[0])
    log(logging.INFO, "stopped")
    return 0


def _fail(sentence: str, code: int = 1) -> int:
    sys.stderr.write(f"inference_server: {sentence}\n")
    return code


if __name__ == "__main__":
    exit_code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # A user's model may keep threads that never end; SageMaker waits for the process.
    os._exit(exit_code)
