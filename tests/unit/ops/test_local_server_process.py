"""The local AWS as a process, with a stand-in for the server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ports import free_port

from ops.errors import OpsError
from ops.local import record, server
from ops.local.lock import held
from ops.local.paths import Paths, paths

# Listens, says that it is ready, and ends on SIGTERM unless told not to.
STAND_IN = """
import json, os, pathlib, signal, socket, sys, time
arguments = dict(zip(sys.argv[1::1], sys.argv[2::1]))
state, port = pathlib.Path(arguments["--state"]), int(arguments["--port"])
if os.environ.get("STAND_IN") == "dies":
    print("no disk left", flush=True); sys.exit(3)
if os.environ.get("STAND_IN") == "hangs":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
door = socket.create_server(("127.0.0.1", port))
assert not [k for k in os.environ if k.startswith("AWS_")], "credentials leaked"
(state / "server.json").write_text(json.dumps({"pid": os.getpid(), "port": port}))
while True: time.sleep(0.05)
"""


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Paths]:
    python = tmp_path / ".venvs/local_aws/bin/python"
    python.parent.mkdir(parents=True)
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(server, "ROOT", tmp_path)
    monkeypatch.setattr(server, "GRACE_SECONDS", 0.5)
    monkeypatch.setenv("AWS_PROFILE", "the persons own")
    yield paths()
    server.stop(paths())


@pytest.fixture
def port() -> int:
    return free_port()


def test_a_started_server_is_found_again_and_stopped_once(where: Paths, port: int) -> None:
    assert server.running(where) is None
    started = server.start(port, enforce=True, where=where)
    assert server.running(where) == started
    assert started.enforce
    assert server.stop(where) is True
    assert server.running(where) is None
    assert server.stop(where) is False


def test_a_server_that_ignores_sigterm_is_killed(
    where: Paths, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN", "hangs")
    started = server.start(port, enforce=False, where=where)
    server.stop(where)
    with pytest.raises(ProcessLookupError):
        os.kill(started.pid, 0)


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "local_aws"])
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_server_has_stopped_also_where_nobody_asks_for_its_exit_code(where: Paths) -> None:
    """As in a container whose first process is no init, once `make local` itself has ended."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        try:
            assert parent.stdout is not None
            where.home.mkdir(parents=True)
            record.write(where, int(parent.stdout.readline()), 1, enforce=False)
            assert server.stop(where) is True
            assert server.running(where) is None
        finally:
            parent.kill()


def test_a_server_that_has_no_command_line_yet_is_stopped_too(where: Paths) -> None:
    """For a moment after its start the kernel tells none."""
    where.home.mkdir(parents=True)
    for _ in range(20):
        process = subprocess.Popen([sys.executable, "-c", "input()", "local_aws"])
        record.write(where, process.pid, 1, enforce=False)
        assert server.stop(where) is True
        process.wait()


def test_a_record_is_there_as_a_whole_or_not_at_all(
    where: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another command may read it at any moment, also while the next one is written."""
    where.home.mkdir(parents=True)
    record.write(where, os.getpid(), 1, enforce=False)
    seen = []
    write_text = Path.write_text

    def halfway(path: Path, text: str, **words: Any) -> int:
        write_text(path, text[:5], **words)
        seen.append(record.read(where))
        return write_text(path, text, **words)

    monkeypatch.setattr(Path, "write_text", halfway)
    record.write(where, os.getpid(), 2, enforce=False)
    assert [found.port for found in seen if found] == [1]
    known = record.read(where)
    assert known is not None
    assert known.port == 2


def test_a_server_that_ends_at_once_is_reported_with_its_last_lines(
    where: Paths, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN", "dies")
    with pytest.raises(OpsError, match="exit code 3") as told:
        server.start(port, enforce=False, where=where)
    assert told.value.log == ["no disk left"]


def test_what_a_killed_server_left_behind_is_cleared(where: Paths, port: int) -> None:
    first = server.start(port, enforce=False, where=where)
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    assert (where.state / "server.json").exists()
    assert server.running(where) is None
    assert server.start(port, enforce=False, where=where).pid != first.pid


def test_never_touches_a_process_that_got_the_old_pid(where: Paths) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        where.home.mkdir(parents=True)
        known = {"pid": stranger.pid, "created": time.time() - 9999, "port": 1, "enforce": False}
        where.record.write_text(json.dumps(known))
        assert server.stop(where) is False
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_taken_port_is_refused_with_who_has_it_and_what_to_set(where: Paths) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        taken = door.getsockname()[1]
        with pytest.raises(OpsError, match=f"port {taken} is taken by") as told:
            server.start(taken, enforce=False, where=where)
        assert str(os.getpid()) in told.value.message
        assert told.value.fix is not None
        assert f"PORT={taken + 1}" in told.value.fix


def test_a_second_run_is_refused_in_one_sentence_while_the_first_works(where: Paths) -> None:
    with (
        held(where.lock, "make local"),
        pytest.raises(OpsError, match=rf"^make local \(process {os.getpid()}, since .*still at"),
        held(where.lock, "make local"),
    ):
        pass


def test_a_lock_whose_holder_died_holds_nobody_up(where: Paths) -> None:
    code = f"""
from pathlib import Path
import os
from ops.local.lock import held
with held(Path({str(where.lock)!r}), "make local"): os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    with held(where.lock, "make local"):
        pass


def test_exports_are_all_an_aws_client_needs(where: Paths) -> None:
    exported = server.Server(pid=1, port=4747, enforce=False).environment()
    assert (
        exported["AWS_ENDPOINT_URL"] == exported["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:4747"
    )
    assert exported["AWS_ACCESS_KEY_ID"] == "222233334444"  # the account, never a key of a real one
    assert {"AWS_REGION", "AWS_SECRET_ACCESS_KEY", "WORKFLOW_PROJECT", "WORKFLOW_ENV"} <= set(
        exported
    )
    assert exported["AWS_SESSION_TOKEN"] == ""  # a token of another login would be signed along
