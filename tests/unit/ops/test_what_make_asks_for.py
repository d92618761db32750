"""What `make` says of a folder that is not installed, or no longer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = (".venv/bin/python", ".venv/bin/node", "node_modules/.bin/cdk")
ENVIRONMENTS = (".venvs/local_aws/bin/python", ".venvs/trainer/bin/python")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """An installed checkout with one container; its programs only write what they are told."""
    folder = tmp_path / "with a space"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    for name in (*PROGRAMS, *ENVIRONMENTS):
        program = folder / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
        program.chmod(0o755)
    (folder / "containers/trainer").mkdir(parents=True)
    (folder / "containers/trainer/requirements.txt").touch()
    (folder / "build/.stamps").mkdir(parents=True)
    for stamp in ("uv", "python", "editable", "node", "environments"):
        (folder / "build/.stamps" / stamp).touch()
    return folder


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-s", *words], cwd=folder, capture_output=True, text=True, check=False
    )


def test_an_installed_checkout_is_ready(checkout: Path) -> None:
    assert make(checkout, "ready").returncode == 0


@pytest.mark.parametrize("gone", [*PROGRAMS, *ENVIRONMENTS])
def test_what_was_removed_since_is_to_be_installed_again(checkout: Path, gone: str) -> None:
    (checkout / gone).unlink()
    done = make(checkout, "ready")
    assert done.returncode == 2
    assert "what to do: make install" in done.stderr


def test_a_file_may_be_called_as_it_likes(checkout: Path) -> None:
    name = "my 'own' data & more.csv"
    assert make(checkout, "upload", f"FILE={name}").stdout.splitlines()[-1] == name


def test_tests_on_a_gpu_fail_where_there_is_none(checkout: Path) -> None:
    """They are run when asked for: nobody shall take a skipped test for a good one."""
    done = make(checkout, "test-gpu", f"DEVICES={checkout.name}")
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no NVIDIA GPU on this machine\nwhat to do: ")
    assert done.stdout == ""


def test_tests_on_a_gpu_fail_where_there_is_no_vllm(checkout: Path) -> None:
    (checkout / "nvidia0").touch()
    done = make(checkout, "test-gpu", "DEVICES=.", "VLLM=no-such-vllm")
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no program no-such-vllm\nwhat to do: VLLM=")
