"""Which engine was asked for, and how its command lines begin."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from local_aws.runtime.containers import RuntimeFailure

ENGINE = "LOCAL_AWS_ENGINE"
BASE = "LOCAL_AWS_ENGINE_BASE"
NAMES = ("podman", "docker")


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """An engine that is installed; `program` is its path."""

    name: str
    program: str
    root: bool  # whether we are root
    runc: bool  # whether runc is installed

    @property
    def podman(self) -> bool:
        """Whether it is podman: docker's options and podman's differ a little."""
        return self.name == "podman"

    def command(self, *words: str) -> list[str]:
        """Return a command line for containers."""
        # Debian's podman prefers crun, which wants more of the kernel than small machines have.
        runtime = ["--runtime", "runc"] if self.podman and self.runc else []
        return [self.program, *runtime, *words]


def chosen() -> Engine | None:
    """Return the engine LOCAL_AWS_ENGINE asks for, None where containers run as processes.

    RuntimeFailure when it asks for something else, or for what is not installed.
    """
    name = os.environ.get(ENGINE, "")
    if not name:
        return None
    if name not in NAMES:
        raise RuntimeFailure(
            f"{ENGINE} is {name!r}: set it to {' or '.join(NAMES)}, or unset it to run containers"
            " as processes"
        )
    program = shutil.which(name)
    if program is None:
        raise RuntimeFailure(
            f"{ENGINE} asks for {name}, but there is no {name} on the PATH: install it, or unset"
            f" {ENGINE} to run containers as processes"
        )
    return Engine(
        name=name,
        program=program,
        root=os.geteuid() == 0,
        runc=shutil.which("runc") is not None,
    )


def environment() -> dict[str, str]:
    """Return what the engine's own program gets: everything of ours but AWS credentials."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def base() -> str | None:
    """Return the base image that replaces the one a Dockerfile names, if one was given."""
    return os.environ.get(BASE) or None
