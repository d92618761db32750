"""What this server's containers are called, and how every one of them is removed."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from local_aws import adapter
from local_aws.runtime import processes
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.engine import choice
from local_aws.runtime.engine.choice import ENGINE, Engine

LABEL = "sagemaker-workflow.local-aws"
_REMOVE_SECONDS = 60

# One word for the engine, one for the label. `ps` tells when the engine does not answer.
_REMOVE = (
    'engine=$1; found=$("$engine" ps --all --quiet --filter "label=$2") || exit 1;'
    ' [ -z "$found" ] || "$engine" rm --force $found'
)


def server_id(state_dir: Path | None = None) -> str:
    """Return what tells a server's containers from another's: its folder, hashed.

    A server that starts where another was killed has the same id, and so finds what is left.
    """
    folder = str((state_dir or adapter.state_dir()).resolve())
    return hashlib.sha256(folder.encode()).hexdigest()[:12]


def label(state_dir: Path | None = None) -> str:
    """Return the label of every container of a server, this one if no other is named."""
    return f"{LABEL}={server_id(state_dir)}"


def removal(engine: Engine) -> list[str]:
    """Return the command line that removes this server's containers, running or not."""
    return ["/bin/sh", "-c", _REMOVE, "remove", engine.program, label()]


def prepare() -> None:
    """Nothing an earlier run left is there, and nothing will be left when this server ends.

    Does nothing where no engine is asked for. RuntimeFailure when it is not installed, or does not
    answer.
    """
    engine = choice.chosen()
    if engine is None:
        return
    try:
        done = subprocess.run(  # noqa: S603  our own command line
            removal(engine),
            env=choice.environment(),
            capture_output=True,
            text=True,
            timeout=_REMOVE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeFailure(_silent(engine, f"no answer in {_REMOVE_SECONDS} s")) from None
    if done.returncode != 0:
        raise RuntimeFailure(_silent(engine, " ".join(done.stderr.split())[-300:]))
    processes.at_end(removal(engine))


def _silent(engine: Engine, said: str) -> str:
    fix = "check `podman info`" if engine.podman else "start the docker daemon"
    return (
        f"{ENGINE} asks for {engine.name}, which does not work here ({said}): {fix}, or unset"
        f" {ENGINE} to run containers as processes"
    )
