"""The local AWS as a process: started detached, known by pid and start time, stopped."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import settings
from ops.errors import OpsError
from ops.local import ports, record
from ops.local.paths import Paths, paths
from ops.settings import ROOT

DEFAULT_PORT = 4747
STARTUP_SECONDS = 60.0  # measured 2-4 s; a minute allows for a machine busy with something else
GRACE_SECONDS = 15.0  # a hanging custom resource keeps the server from ending on SIGTERM
KILL_SECONDS = 60.0  # for SIGKILL, which a machine that swaps may take long about
# Bake times, cooldowns and alarm periods of `make local` are this much shorter than AWS's: an
# asynchronous endpoint that scaled to zero is back in seconds instead of minutes.
TIME_FACTOR = 10.0
ACCOUNT, REGION = "222233334444", "us-east-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A local AWS that answers."""

    pid: int
    port: int
    enforce: bool
    account: str = ACCOUNT
    region: str = REGION
    engine: str | None = None

    @property
    def url(self) -> str:
        """Where it listens: loopback only."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """What any AWS client needs to reach it, and ops to find the workflow in it."""
        env = settings.environment_name()
        deployment = settings.current()
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": "",
            "WORKFLOW_PROJECT": deployment.project,
            "WORKFLOW_ENV": env,
        }


def running(where: Paths | None = None) -> Server | None:
    """The local AWS of this checkout if it is up and answering, else None."""
    where = where or paths()
    known = record.read(where)
    if known is None or record.process_of(known) is None:
        return None
    ready = record.ready(where)
    if ready is None or ready.get("pid") != known.pid:
        return None
    return Server(
        pid=known.pid,
        port=int(ready["port"]),
        enforce=known.enforce,
        account=str(ready.get("account", ACCOUNT)),
        region=str(ready.get("region", REGION)),
        engine=ready.get("engine"),
    )


def start(
    port: int,
    *,
    enforce: bool,
    time_factor: float = TIME_FACTOR,
    engine: str | None = None,
    where: Paths | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Server:
    """A local AWS is up on `port`; what an earlier run left behind is cleared first."""
    where = where or paths()
    stop(where)
    ports.refuse_taken(port)
    shutil.rmtree(where.state, ignore_errors=True)
    where.state.mkdir(parents=True, exist_ok=True)
    command = [str(ROOT / ".venvs/local_aws/bin/python"), "-m", "local_aws", "serve"]
    command += ["--port", str(port), "--state", str(where.state)]
    command += ["--enforce"] if enforce else []
    command += ["--time-factor", str(time_factor)]
    # The server must not inherit the credentials or the endpoint of whoever starts it.
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    clean |= {"LOCAL_AWS_ENGINE": engine} if engine else {}
    with where.log.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 our own server, a fixed command
            command,
            cwd=ROOT,
            env=clean,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for us, not for the server
        )
    record.write(where, process.pid, port, enforce)
    say(f"process {process.pid}")
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline:
        found = running(where)
        if found is not None and ports.listens(port):
            return found
        if process.poll() is not None:
            raise OpsError(
                f"the local AWS ended as soon as it started (exit code {process.returncode})",
                log=tail(where.log),
                log_name=_shown(where.log),
                fix="make local-down && make install && make local",
            )
        time.sleep(0.1)
    stop(where)
    raise OpsError(
        f"the local AWS was not ready after {STARTUP_SECONDS:.0f} s",
        log=tail(where.log),
        log_name=_shown(where.log),
        fix="try again; if it stays, read the log above",
    )


def stop(where: Paths | None = None) -> bool:
    """No local AWS of this checkout runs; True if one did. Touches no other process."""
    import psutil

    where = where or paths()
    known = record.read(where)
    process = record.process_of(known) if known else None
    if process is not None:
        try:
            children = process.children(recursive=True)
            process.terminate()
            if not _ends(process, GRACE_SECONDS):
                process.kill()
                _ends(process, KILL_SECONDS)
            # Its containers and functions die with it; whoever outlived it is ended here.
            for child in psutil.wait_procs(children, timeout=1)[1]:
                child.kill()
        except psutil.NoSuchProcess:
            pass
    where.record.unlink(missing_ok=True)
    (where.state / "server.json").unlink(missing_ok=True)
    return process is not None


def _ends(process: Any, seconds: float) -> bool:
    """Whether it ends in time; one whose parent does not ask for its exit code has ended too."""
    import psutil

    deadline = time.monotonic() + seconds
    while True:
        try:
            process.wait(0.1)
            return True
        except psutil.TimeoutExpired:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            if time.monotonic() > deadline:
                return False


def tail(path: Path, lines: int = 25) -> list[str]:
    """The last lines of a file, none if it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
