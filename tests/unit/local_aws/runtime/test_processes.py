"""Containers as processes: what they say, how they stop, and that none is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from local_aws import children
from local_aws.runtime import processes
from local_aws.runtime.jobs import run_containers
from local_aws.runtime.processes import Process

ENV = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
PYTHON = [sys.executable, "-u", "-c"]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return not Path("/proc/self/stat").exists()
    return stat.rpartition(")")[2].split()[0] not in "ZX"  # a zombie is as good as dead


def start(program: str, tmp_path: Path, **arguments: Any) -> Process:
    return Process([*PYTHON, textwrap.dedent(program)], env=ENV, cwd=tmp_path, **arguments)


def test_lines_of_both_streams_arrive_in_order(aws: Any, tmp_path: Path) -> None:
    lines: list[str] = []
    process = start(
        "import sys; print('one'); print('two', file=sys.stderr); sys.stdout.write('three')",
        tmp_path,
        on_line=lines.append,
    )
    assert process.wait(60) == 0
    assert lines == ["one", "two", "three"]
    assert process.tail(2) == "two\nthree"


def test_bytes_that_are_no_text_do_not_stop_the_output(aws: Any, tmp_path: Path) -> None:
    program = "import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\nnext\\n')"
    process = start(program, tmp_path)
    assert process.wait(60) == 0
    assert process.tail(1) == "next"


def test_a_listener_that_fails_does_not_freeze_the_container(aws: Any, tmp_path: Path) -> None:
    def broken(line: str) -> None:
        raise ZeroDivisionError

    process = start("for n in range(5_000): print('a long line of output', n)", tmp_path,
                    on_line=broken)  # fmt: skip
    assert process.wait(60) == 0


def test_the_environment_is_what_was_given_and_no_more(
    aws: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    process = start("import os; print(*sorted(os.environ))", tmp_path)
    process.wait(60)
    names = set(process.tail().split()) - {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}
    assert names == {"PATH"}


def test_sigterm_goes_to_process_1_and_the_end_of_it_ends_all(
    aws: Any, tmp_path: Path, eventually: Any
) -> None:
    program = """
        import signal, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c",
            "import signal,time; signal.signal(signal.SIGTERM, lambda *a: print('child asked'));"
            "time.sleep(60)"])
        signal.signal(signal.SIGTERM, lambda *a: sys.exit(7))
        print(child.pid)
        time.sleep(60)
    """
    process = start(program, tmp_path)
    child = int(eventually(process.tail))
    assert process.terminate(60) == 7
    eventually(lambda: not alive(child))
    assert "child asked" not in process.tail()


def test_a_signals_exit_code_is_dockers(aws: Any, tmp_path: Path) -> None:
    process = start("import os; os.kill(os.getpid(), 9)", tmp_path)
    assert process.wait(60) == 137


def test_sigkill_follows_the_grace(aws: Any, tmp_path: Path, eventually: Any) -> None:
    program = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf")
        time.sleep(60)
    """
    process = start(program, tmp_path)
    eventually(process.tail)
    began = time.monotonic()
    assert process.terminate(0.5) == 137
    assert 0.5 <= time.monotonic() - began < 30


def test_the_grace_follows_the_time_factor_but_stays_above_two_seconds(aws: Any) -> None:
    """The time factor of these tests is 60."""
    assert processes.grace(600) == 10
    assert processes.grace(30) == 2


def test_kill_all_leaves_nothing(aws: Any, tmp_path: Path) -> None:
    many = [start("import time; time.sleep(60)", tmp_path) for _ in range(3)]
    processes.kill_all()
    assert not any(alive(process.pid) for process in many)


def test_a_server_may_stop_while_a_container_starts(
    aws: Any, tmp_path: Path, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[BaseException] = []

    def stop() -> None:
        try:
            processes.kill_all()
        except BaseException as fault:  # noqa: BLE001  a thread has no caller
            faults.append(fault)

    stopping, tell = threading.Thread(target=stop), processes._reaper.tell

    def told(sign: str, group: int) -> None:
        if sign == "+":
            stopping.start()
            eventually(lambda: not alive(group))
        tell(sign, group)

    monkeypatch.setattr(processes._reaper, "tell", told)
    process = start("import time; time.sleep(60)", tmp_path)
    assert process.wait(60) == 143
    stopping.join(60)
    assert faults == []


def test_of_several_that_failed_the_first_is_named(aws: Any, tmp_path: Path) -> None:
    """The others may have failed because they lost it, also when all are seen at once."""
    first = start("raise SystemExit(3)", tmp_path)
    assert first.wait(60) == 3
    then = start("raise SystemExit(4)", tmp_path)
    assert then.wait(60) == 4
    ended = run_containers([then, first], stop=threading.Event(), max_seconds=60, grace_seconds=1)
    assert (ended.failed, ended.ending.exit_code) == (1, 3)


KILLS_ALL = """
import os, signal, subprocess, sys, threading
from local_aws import children
kill = os.kill
def late(pid, number):  # as on a busy machine, where what was killed does not end at once
    if number == signal.SIGKILL:
        threading.Timer(0.5, kill, (pid, number)).start()
    else:
        kill(pid, number)
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=1); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
child.stdout.readline()
os.kill = late
children.kill_all(grace_seconds=0.1)
try:
    kill(child.pid, 0)
except ProcessLookupError:
    sys.exit(0)
kill(child.pid, signal.SIGKILL)
sys.exit("it was still there")
"""


def test_no_descendant_is_there_when_all_were_killed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLS_ALL],
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


OWNER = """
import sys, time
from pathlib import Path
from local_aws.runtime.processes import Process
children = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print(p.pid, flush=True); time.sleep(60)"
process = Process([sys.executable, "-c", children], env={"PATH": "/usr/bin:/bin"}, cwd=Path("/"))
while not process.tail():
    time.sleep(0.01)
print(process.pid, process.tail(), flush=True)
time.sleep(60)
"""  # noqa: E501  a program in a program


def test_nothing_survives_the_local_aws_even_when_it_is_killed(eventually: Any) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pids = [int(word) for word in owner.stdout.readline().split()]
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    eventually(lambda: not any(alive(pid) for pid in pids))


def test_whoever_ends_all_our_descendants_does_not_end_the_reaper(aws: Any, tmp_path: Path) -> None:
    """As a server does that could not stop in time: its containers still have to go."""
    process = start("import time; time.sleep(60)", tmp_path)
    below = children.descendants(os.getpid())
    assert process.pid in below
    assert processes._reaper.pid not in below
    assert alive(int(processes._reaper.pid or 0))


def test_a_reaper_that_was_killed_is_replaced(aws: Any, tmp_path: Path, eventually: Any) -> None:
    first = start("import time; time.sleep(60)", tmp_path)
    reaper = processes._reaper.pid
    assert reaper is not None
    os.kill(reaper, signal.SIGKILL)
    eventually(lambda: not alive(reaper))
    start("import time; time.sleep(60)", tmp_path)
    # As if we were gone: the new one must know the first container too.
    processes._reaper.close()
    eventually(lambda: not alive(first.pid))


def test_a_port_is_kept_from_others_until_its_server_binds_it() -> None:
    """Between the two lies the start of a container; another local AWS may start one as well."""
    port = processes.free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)) as server:
        assert server.getsockname()[1] == port
