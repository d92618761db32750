"""`.ci/engine`: whether CI can test the images, and the sentence it says where it cannot."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOCAL, PULLED = "localhost/base:1", "python:3.11-slim-bookworm"
TOOLS = ("bash", "env", "mktemp", "tail", "wc", "sh")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine of root's with a few tools, where a program does as its text says."""
    for tool in TOOLS:
        program(tmp_path, tool).symlink_to(str(shutil.which(tool)))
    say(tmp_path, "id", "echo 0")
    return tmp_path


def program(machine: Path, name: str) -> Path:
    path = machine / "bin" / name
    path.parent.mkdir(exist_ok=True)
    return path


def say(machine: Path, name: str, text: str) -> None:
    program(machine, name).write_text(f"#!/bin/sh\n{text}\n")
    program(machine, name).chmod(0o755)


def ask(machine: Path, engine: str = "podman", base: str = LOCAL) -> tuple[int, str]:
    done = subprocess.run(
        [str(ROOT / ".ci" / "engine"), engine, base],
        cwd=ROOT,
        env={"PATH": str(machine / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip()


def test_an_engine_that_answers_is_enough_for_a_base_that_is_pulled(machine: Path) -> None:
    say(machine, "docker", "exit 0")
    assert ask(machine, "docker", PULLED) == (0, "")


def test_an_engine_whose_daemon_is_away_is_none(machine: Path) -> None:
    say(machine, "docker", "exit 1")
    assert ask(machine, "docker", PULLED) == (1, "there is no docker that works here")


def test_a_base_is_made_by_root_alone(machine: Path) -> None:
    say(machine, "id", "echo 1000")
    assert ask(machine) == (1, "their base is made as root, and this is not root")


def test_nothing_can_be_installed_without_apt_get(machine: Path) -> None:
    said = "podman runc mmdebstrap are not all here, nor is apt-get to install them"
    assert ask(machine) == (1, said)


def test_the_lists_of_packages_are_fetched_once_before_it_is_given_up(machine: Path) -> None:
    say(machine, "apt-get", f'echo "$1" >> {machine}/asked; echo "no archive in reach"; exit 100')
    said = "apt-get cannot install podman runc mmdebstrap: no archive in reach"
    assert ask(machine) == (1, said)
    assert (machine / "asked").read_text().split() == ["install", "update"]


@pytest.mark.parametrize(
    ("podman", "answer"),
    [
        ("exit 0", (0, "")),
        ("echo no cgroups >&2; exit 126", (1, "podman cannot start a container: no cgroups")),
    ],
)
def test_podman_is_asked_to_start_a_container(
    podman: str, answer: tuple[int, str], machine: Path
) -> None:
    for name in ("runc", "mmdebstrap"):
        say(machine, name, "exit 0")
    say(machine, "podman", podman)
    assert ask(machine) == answer
