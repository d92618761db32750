"""What a test run leaves behind: no container, also when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from support import leftovers
from support.training_job import ROOT

from ops import build_images

pytestmark = [pytest.mark.images, pytest.mark.timeout(120)]
# Starts a container, says so, and waits for its end.
RUN = f"""
import subprocess, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from support import leftovers
engine, label, *command = sys.argv[1:]
with leftovers.no_containers(engine, label):
    command.append("import time; time.sleep(600)")
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    print("started", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_container_is_left_when_the_tests_are_ended(
    end: signal.Signals,
    engine: str,
    image: Callable[..., build_images.Built],
    eventually: Callable[[Callable[[], Any]], Any],
) -> None:
    label = f"{leftovers.LABEL}={os.getpid()}-{end.name}"
    command = [*build_images.runner(engine), "--detach", "--label", label, "--entrypoint", "python"]
    words = [sys.executable, "-c", RUN, engine, label, *command, image("vllm").tag, "-c"]

    def there() -> str:
        ask = [engine, "ps", "--all", "--quiet", "--filter", f"label={label}"]
        return subprocess.run(ask, capture_output=True, text=True, check=True, timeout=60).stdout

    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout
        assert tests.stdout.readline() == "started\n"
        assert there()
        tests.send_signal(end)
        tests.wait(timeout=60)
    eventually(lambda: not there())
