"""Every environment is synthesised once, as a person does it: `app.py` in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ("local", "dev", "prod")
# What decides the cloud assembly: the two commands of the README copy exactly these.
SOURCES = ("app.py", "cdk.json", "config", "stacks", "constructs", "lambda", "containers")


@dataclass(frozen=True, kw_only=True, slots=True)
class Assembly:
    """What one synth wrote."""

    root: Path  # the checkout it was made of
    folder: Path
    said: str

    def templates(self) -> dict[str, dict[str, Any]]:
        """Each stack's template by the stack's name."""
        found = sorted(self.folder.glob("*.template.json"))
        return {
            path.name.removesuffix(".template.json"): json.loads(path.read_text()) for path in found
        }


def run_app(
    root: Path, out: Path, environment: str, *, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `app.py` of the checkout at `root` as the CDK CLI would, from `cwd`."""
    env = {
        "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(out.parent),
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps({"env": environment}),
        "CDK_VALIDATION": "false",
        "PYTHONPATH": os.pathsep.join(str(root / one) for one in ("", "constructs")),
        **variables,
    }
    return subprocess.run(
        [sys.executable, str(root / "app.py")],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in for the preprocessing function's package, the same bytes every time."""
    path = tmp_path_factory.mktemp("package") / "preprocess.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("preprocess/handler.py"), "handler = None\n")
    return path


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Callable[[str], Path]:
    """Make a copy of what is synthesised, in a folder of the given name, with the stand-in."""
    import shutil

    def copy(name: str) -> Path:
        root = tmp_path_factory.mktemp(name) / name
        root.mkdir()
        for source in SOURCES:
            origin = ROOT / source
            if origin.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
                shutil.copytree(origin, root / source, ignore=ignored)
            else:
                shutil.copy2(origin, root / source)
        _pin(root / "containers")
        target = root / "build" / "lambda"
        target.mkdir(parents=True)
        shutil.copy2(package, target)
        return root

    return copy


def _pin(containers: Path) -> None:
    """Production wants a digest of every base; which one, no template says."""
    for path in containers.glob("*/Dockerfile"):
        text = path.read_text()
        if "@sha256:" not in text:
            path.write_text(re.sub(r"(?m)^(ARG BASE=\S+)$", rf"\1@sha256:{'0' * 64}", text))


@pytest.fixture(scope="session")
def assemblies(
    tmp_path_factory: pytest.TempPathFactory, checkout: Callable[[str], Path]
) -> dict[str, Assembly]:
    """The cloud assembly of each environment."""
    root = checkout("project")
    made = {}
    for environment in ENVIRONMENTS:
        out = tmp_path_factory.mktemp(environment) / "cdk.out"
        run = run_app(root, out, environment, cwd=root)
        assert run.returncode == 0, run.stderr[-4000:]
        made[environment] = Assembly(root=root, folder=out, said=run.stdout + run.stderr)
    return made
