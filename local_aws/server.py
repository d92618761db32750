"""The AWS of this machine: one process, one loopback port, one folder."""

import asyncio
import importlib
import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from local_aws import children
from local_aws.adapter import process, serving

log = logging.getLogger("local_aws")

_SERVICES = ("local_aws.autoscaling", "local_aws.sagemaker")
_STOP_SECONDS = 7.0  # how long an orderly stop may take before the process ends anyway


class StartError(Exception):
    """Why no server could be started, in one sentence."""


def run(settings: process.Settings) -> None:
    """Serve until SIGTERM or SIGINT, then end with every child gone. Raises StartError."""
    _refuse_a_taken_port(settings.port)
    announcement = settings.state_dir / "server.json"
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    announcement.unlink(missing_ok=True)
    serving.prepare(settings)
    _prepare_engine()
    _register_services()
    try:
        asyncio.run(_serve(settings, announcement))
    finally:
        _end(announcement)


async def _serve(settings: process.Settings, announcement: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked_to_stop() -> None:
        process.stopping.set()
        loop.call_soon_threadsafe(stop.set)

    _when_asked_to_stop(asked_to_stop, announcement)

    async def ready() -> None:
        text = json.dumps(
            {
                "pid": os.getpid(),
                "port": settings.port,
                "account": settings.account,
                "region": settings.region,
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "enforce": settings.enforce,
                "time_factor": settings.time_factor,
                "engine": os.environ.get("LOCAL_AWS_ENGINE") or None,
            }
        )
        draft = announcement.with_suffix(".draft")
        draft.write_text(text)
        draft.replace(announcement)  # whoever waits for the file never reads half of it
        log.warning("ready on %s (account %s)", process.endpoint_url(), settings.account)

    await serving.serve(stop, ready=ready)
    # asyncio.run would now wait for worker threads that wait for things that never come.
    _end(announcement)


def _register_services() -> None:
    for name in _SERVICES:
        # Imported now and not above: they must find ministack prepared.
        importlib.import_module(name).register()
    from local_aws.adapter import codebuild
    from local_aws.runtime import image_builds

    codebuild.run_builds_by(image_builds.run)


def _prepare_engine() -> None:
    # Imported now and not above: whoever only reads this module's names needs no runtime.
    from local_aws.runtime import engine
    from local_aws.runtime.containers import RuntimeFailure

    try:
        engine.prepare()
    except RuntimeFailure as failure:
        raise StartError(failure.reason) from failure


def _refuse_a_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StartError(
                f"Port {port} of 127.0.0.1 is taken ({error.strerror}): stop what listens there, "
                "or choose another with --port."
            ) from error


def _when_asked_to_stop(tell: Callable[[], None], announcement: Path) -> None:
    """SIGTERM and SIGINT are told, and the process ends a while later whatever came of it.

    On a thread: no handler runs while the main one is in native code, and one that writes to the
    log fails where it interrupts another line of the log.
    """
    asked, asks = os.pipe()
    os.set_blocking(asks, False)
    signal.set_wakeup_fd(asks)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)

    def watch() -> None:
        log.warning("%s: stopping", signal.Signals(os.read(asked, 1)[0]).name)
        tell()
        time.sleep(_STOP_SECONDS)
        log.error("did not stop within %s seconds: ending anyway", _STOP_SECONDS)
        children.kill_all(grace_seconds=0)
        announcement.unlink(missing_ok=True)
        os._exit(0)

    threading.Thread(target=watch, name="stop", daemon=True).start()


def _end(announcement: Path) -> None:
    process.run_shutdown_hooks()
    children.kill_all(grace_seconds=1)
    announcement.unlink(missing_ok=True)
    logging.shutdown()
    os._exit(0)  # threads of ministack may wait for ever, and would keep the process
