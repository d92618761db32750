"""A real container, seen from here as a process: the engine's own client in the foreground."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_aws.runtime.engine import choice, cleanup
from local_aws.runtime.engine.build import Image
from local_aws.runtime.engine.choice import Engine
from local_aws.runtime.processes import Process

_ENGINE_FAILED = 125  # the client's own exit code when there was no container to run
_REMOVE_SECONDS = 30
# As root podman asks for a million of each, which inside a container or a small machine root may
# not have. For everybody else the engine's own defaults are right.
_ULIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mount:
    """A folder of this machine at a place in the container."""

    source: Path
    target: str
    read_only: bool = False


def start(
    image: Image,
    *,
    name: str,
    mounts: Sequence[Mount],
    environment: Mapping[str, str],
    environment_file: Path,
    entrypoint: Sequence[str] | None,
    arguments: Sequence[str],
    network: str,
    on_line: Callable[[str], None],
) -> Process:
    """Return the running container; its output, its signals and its exit code are a process's.

    `environment_file` is written, for nobody else to read: a command line is seen by everybody.
    """
    lines = {key: value for key, value in environment.items() if "\n" not in value}
    environment_file.touch(mode=0o600)
    environment_file.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
    # An env file has one line a variable; a value of several lines travels by the client's own.
    others = {key: value for key, value in environment.items() if key not in lines}
    container = f"local-aws-{cleanup.server_id()}-{name}"
    words = run_arguments(
        image,
        container=container,
        label=cleanup.label(),
        mounts=mounts,
        environment_file=environment_file,
        names=list(others),
        entrypoint=entrypoint,
        arguments=arguments,
        network=network,
    )
    env = {**others, **choice.environment()}
    return _Container(
        words, engine=image.engine, name=container, env=env, cwd=Path("/"), on_line=on_line
    )


def run_arguments(
    image: Image,
    *,
    container: str,
    label: str,
    mounts: Sequence[Mount],
    environment_file: Path,
    names: Sequence[str],
    entrypoint: Sequence[str] | None,
    arguments: Sequence[str],
    network: str,
) -> list[str]:
    """Return the command line that runs the image in the foreground and removes it at its end."""
    engine = image.engine
    words = engine.command("run", "--rm", "--name", container, "--label", label)
    words += ["--network", network, "--pull=never"]
    words += ["--no-healthcheck"]  # SageMaker asks /ping itself and knows no HEALTHCHECK
    words += ["--env-file", str(environment_file)]
    for name in names:
        words += ["--env", name]
    for mount in mounts:
        read_only = ",readonly" if mount.read_only else ""
        words += ["--mount", f"type=bind,source={mount.source},target={mount.target}{read_only}"]
    words += _engines_own(engine)
    # Docker's --entrypoint takes one word; the rest of it are the first arguments.
    first, *rest = entrypoint or [""]
    if first:
        words += ["--entrypoint", first]
    return [*words, image.tag, *rest, *arguments]


def _engines_own(engine: Engine) -> list[str]:
    if not engine.podman:
        # The daemon is root: what it writes for us must be ours to read and to remove.
        return [] if engine.root else ["--user", f"{os.geteuid()}:{os.getegid()}"]
    words = ["--http-proxy=false"]  # ours is not the container's, and would hide the local AWS
    words += ["--security-opt", "label=disable"]  # else SELinux keeps the mounts from it
    return words + list(_ULIMITS) if engine.root else words


class _Container(Process):
    """A container under the engine; the client passes SIGTERM on, SIGKILL must go around it."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        engine: Engine,
        name: str,
        env: Mapping[str, str],
        cwd: Path,
        on_line: Callable[[str], None],
    ) -> None:
        self._engine, self._name = engine, name
        super().__init__(argv, env=env, cwd=cwd, on_line=on_line)

    def _kill_group(self) -> None:
        code = self._popen.returncode
        if code is None or code < 0 or code == _ENGINE_FAILED:  # else the client removed it
            self._remove()
        super()._kill_group()

    def _remove(self) -> None:
        now = ["--time", "0"] if self._engine.podman else []  # docker's --force waits for nobody
        try:
            subprocess.run(  # noqa: S603  the engine's path
                self._engine.command("rm", "--force", *now, self._name),
                env=choice.environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,  # it may be gone already
                timeout=_REMOVE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return  # what is left goes when this server ends, by its label
