"""A server's life: announced when ready, refused on a taken port, gone with its children."""

import json
import os
import socket
import subprocess
from pathlib import Path

import psutil
from support.local_aws_server import PYTHON, REPOSITORY, ServerFactory
from support.policies import wait_for


def test_announces_itself_when_it_answers(local_aws_server: ServerFactory) -> None:
    aws = local_aws_server()

    announced = json.loads((aws.state / "server.json").read_text())
    who = aws.client("sts").get_caller_identity()

    assert (announced["pid"], announced["port"]) == (aws.process.pid, aws.port)
    assert who["Account"] == announced["account"] == "222233334444"


def test_refuses_a_taken_port_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = subprocess.run(
            [str(PYTHON), "-m", "local_aws", "serve", "--port", str(port), "--state", tmp_path],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {port} of 127.0.0.1 is taken")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "server.json").exists()


def test_refuses_a_time_factor_that_would_slow_things_down(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(PYTHON), "-m", "local_aws", "serve", "--time-factor", "0.5", "--state", tmp_path],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 2
    assert "must be 1 or more, is 0.5" in done.stderr


def test_listens_on_loopback_only(local_aws_server: ServerFactory) -> None:
    aws = local_aws_server()

    assert _listening_sockets(aws.process.pid) == {("127.0.0.1", aws.port)}


def test_stops_soon_and_leaves_nothing(local_aws_server: ServerFactory, probe: Path) -> None:
    aws = local_aws_server(launcher=probe)

    seconds = aws.stop()

    assert seconds < 20
    assert aws.process.returncode == 0
    assert "probe: hook ran" in aws.log
    assert not (aws.state / "server.json").exists()


def test_stops_although_a_worker_thread_waits_for_ever(
    local_aws_server: ServerFactory, tmp_path: Path
) -> None:
    launcher = tmp_path / "stuck.py"
    launcher.write_text(
        "import subprocess, sys, threading, time\n"
        "from local_aws.__main__ import main\n"
        # A thread Python would wait for, and a child that ignores being asked.
        "threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal, time; '\n"
        "    'signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)'],\n"
        "    start_new_session=True)\n"
        "print('child', child.pid, file=sys.stderr, flush=True)\n"
        "sys.exit(main())\n"
    )
    aws = local_aws_server(launcher=launcher)
    child = int(aws.log.partition("child ")[2].split()[0])

    seconds = aws.stop()

    assert seconds < 20
    assert not _alive(child)


def test_stops_although_its_main_thread_is_where_no_signal_handler_runs(
    local_aws_server: ServerFactory, tmp_path: Path
) -> None:
    launcher = tmp_path / "native.py"
    launcher.write_text(
        "import asyncio, hashlib, sys\n"
        "from local_aws import server\n"
        "from local_aws.__main__ import main\n"
        "from local_aws.adapter import serving\n"
        "server._STOP_SECONDS = 1\n"
        "serve = serving.serve\n"
        "def minutes():\n"
        "    print('minutes', file=sys.stderr, flush=True)\n"
        "    hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)\n"
        "async def serve_and_block(stop, ready):\n"
        "    async def ready_and_block():\n"
        "        await ready()\n"
        "        asyncio.get_running_loop().call_later(0.1, minutes)\n"
        "    await serve(stop, ready=ready_and_block)\n"
        "serving.serve = serve_and_block\n"
        "sys.exit(main())\n"
    )
    aws = local_aws_server(launcher=launcher)
    wait_for(lambda: aws.log, lambda log: "minutes" in log)

    assert aws.stop() < 20


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return not Path("/proc/self/stat").exists()
    # Killed but not yet taken leave of by whoever inherited it.
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def _listening_sockets(pid: int) -> set[tuple[str, int]]:
    return {
        tuple(connection.laddr)
        for connection in psutil.Process(pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
