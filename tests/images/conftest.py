"""Images built once for each content, and containers of them that end with their test."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support import leftovers
from support.engine_container import START_SECONDS, STOP_SECONDS, Container
from support.ports import free_port

from ops import build_images

Start = Callable[..., Container]


@pytest.fixture(scope="session")
def engine() -> str:
    """The engine the environment names; without one this suite was asked for by mistake."""
    name = os.environ.get("LOCAL_AWS_ENGINE_TEST", "")
    if not name or not os.environ.get("LOCAL_AWS_ENGINE_BASE"):
        pytest.fail("set LOCAL_AWS_ENGINE_TEST=podman or docker, and LOCAL_AWS_ENGINE_BASE")
    return name


@pytest.fixture(scope="session")
def image(engine: str) -> Callable[..., build_images.Built]:
    """Build a container's image on the base the environment names, for its platform."""
    base = os.environ.get("LOCAL_AWS_ENGINE_BASE")
    platform = os.environ.get("LOCAL_AWS_ENGINE_PLATFORM") or None

    @cache
    def build(name: str, *options: str) -> build_images.Built:
        return build_images.build(engine, name, base=base, platform=platform, options=options)

    return build


@pytest.fixture(scope="session")
def label(engine: str) -> Iterator[str]:
    """The label of every container of these tests; none is left, however they end."""
    mark = f"{leftovers.LABEL}={os.getpid()}"
    with leftovers.no_containers(engine, mark):
        yield mark


@pytest.fixture
def start(engine: str, label: str) -> Iterator[Start]:
    """Run an image as SageMaker does, with a root that cannot be written to.

    `mounts` are (source, target, read-only). A daemon is root and we may not be: what `mine` writes
    is ours to read and to remove.
    """
    started: list[Container] = []

    def run(
        built: build_images.Built,
        *words: str,
        mounts: Sequence[tuple[Path, str, bool]] = (),
        mine: bool = False,
        **variables: str,
    ) -> Container:
        port = free_port()
        name = f"image-test-{port}"
        command = [*build_images.runner(engine), "--detach", "--name", name, "--pull=never"]
        command += ["--label", label]
        command += ["--read-only", "--tmpfs", "/tmp"]  # noqa: S108  the container's own
        if mine and engine == "docker" and os.geteuid() != 0:
            command += ["--user", f"{os.geteuid()}:{os.getegid()}"]
        for source, target, read_only in mounts:
            options = ",readonly" if read_only else ""
            command += ["--mount", f"type=bind,source={source},target={target}{options}"]
        for key, value in {"SAGEMAKER_BIND_TO_PORT": str(port), **variables}.items():
            command += ["--env", f"{key}={value}"]
        subprocess.run(
            [*command, built.tag, *words], capture_output=True, timeout=START_SECONDS, check=True
        )
        started.append(Container(engine=engine, name=name, port=port))
        return started[-1]

    yield run
    for one in started:
        words = [engine, "rm", "--force", one.name]
        subprocess.run(words, capture_output=True, timeout=STOP_SECONDS, check=False)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may read; pytest's own are closed to others."""
    with TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Waits, at most 30 seconds, until what is asked is true, and returns it."""

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 30
        while not (value := condition()):
            assert time.monotonic() < deadline, "it never became true"
            time.sleep(0.2)
        return value

    return wait
