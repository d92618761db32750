"""The local AWS as a process: started detached, known by pid and start time, stopped."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ops import settings
from ops.errors import OpsError
from ops.local.paths import Paths, paths
from ops.settings import ROOT

DEFAULT_PORT = 4747
STARTUP_SECONDS = 60.0  # measured 2-4 s; a minute allows for a machine busy with something else
GRACE_SECONDS = 15.0  # a hanging custom resource keeps the server from ending on SIGTERM
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """The process we started; the start time tells it from a later process with the same pid."""

    pid: int
    created: float
    port: int
    enforce: bool


def running(where: Paths | None = None) -> Server | None:
    """The local AWS of this checkout if it is up and answering, else None."""
    where = where or paths()
    record = _record(where)
    if record is None or _process(record) is None:
        return None
    ready = _ready(where)
    if ready is None or ready.get("pid") != record.pid:
        return None
    return Server(
        pid=record.pid,
        port=int(ready["port"]),
        enforce=record.enforce,
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
    _refuse_taken(port)
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
    _write_record(where, process.pid, port, enforce)
    say(f"process {process.pid}")
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline:
        found = running(where)
        if found is not None and _listens(port):
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
    record = _record(where)
    process = _process(record) if record else None
    if process is not None:
        try:
            children = process.children(recursive=True)
            process.terminate()
            psutil.wait_procs([process], timeout=GRACE_SECONDS)
            if process.is_running():
                process.kill()
                process.wait(GRACE_SECONDS)
            # Its containers and functions die with it; whoever outlived it is ended here.
            for child in psutil.wait_procs(children, timeout=1)[1]:
                child.kill()
        except psutil.NoSuchProcess:
            pass
    where.record.unlink(missing_ok=True)
    (where.state / "server.json").unlink(missing_ok=True)
    return process is not None


def tail(path: Path, lines: int = 25) -> list[str]:
    """The last lines of a file, none if it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def port_owner(port: int) -> str | None:
    """Which process listens on a port, as far as this user may know."""
    import psutil

    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN":
                if connection.pid is None:
                    return "a process of another user"
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    return None


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as fault:
            owner = port_owner(port) or "another program"
            raise OpsError(
                f"port {port} is taken by {owner}",
                fix=f"stop that program, or choose another port: make local PORT={port + 1}",
            ) from fault


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _write_record(where: Paths, pid: int, port: int, enforce: bool) -> None:
    import psutil

    created = psutil.Process(pid).create_time()
    record = Record(pid=pid, created=created, port=port, enforce=enforce)
    where.record.write_text(json.dumps(asdict(record)), encoding="utf-8")


def _record(where: Paths) -> Record | None:
    try:
        return Record(**json.loads(where.record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _process(record: Record) -> Any:
    """The recorded process if it still lives and is still ours, else None."""
    import psutil

    try:
        process = psutil.Process(record.pid)
        ours = abs(process.create_time() - record.created) < 1 and "local_aws" in process.cmdline()
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _ready(where: Paths) -> dict[str, Any] | None:
    try:
        found = json.loads((where.state / "server.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
