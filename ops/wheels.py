"""Which locked packages have a wheel where the images run: `python -m ops.wheels`.

A lock file holds hashes and no file names, so the index is asked once, by `make lock`, and what it
says is kept in containers/wheels.lock.json: of each package the wheels that an image on Debian 12
with Python 3.11 can install, with the hashes that the lock files hold. Everything else is offline.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.markers import Marker, default_environment
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from ops import sbom
from ops.errors import OpsError

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "containers" / "wheels.lock.json"
MACHINES = ("x86_64", "aarch64")
PYTHON = (3, 11)
# Debian 12, which the images are built on: every manylinux tag up to it.
_GLIBC = 36
_LEGACY = ("manylinux2014", "manylinux2010", "manylinux1")
_LINE = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\\n]+?))?\s*\\?$", re.MULTILINE)
Wheels = Mapping[str, Mapping[str, str]]  # name==version -> wheel -> sha256


def missing(lock: Path, wheels: Wheels, machine: str) -> list[str]:
    """The packages of a lock file that `machine` wants and nobody has built for it."""
    text = lock.read_text(encoding="utf-8")
    tags = _tags(machine)
    environment = _environment(machine)
    found = []
    for name, version, marker in _LINE.findall(text):
        if marker and not Marker(marker).evaluate(environment):
            continue
        key = f"{canonicalize_name(name)}=={version}"
        known = wheels.get(key, {})
        good = [w for w, digest in known.items() if digest in text and tags & _tags_of(w)]
        if not good:
            found.append(key)
    return found


def read() -> Wheels:
    """What `make lock` was told."""
    return dict(json.loads(LOCK.read_text(encoding="utf-8")))


def ask(lock: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Each package of the lock file and its wheels for our images, as the index lists them.

    Raises OpsError where the index does not have one of them.
    """
    words = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "-q", "--universal"]
    words += ["--python-version", ".".join(map(str, PYTHON)), "--no-deps", "--no-header"]
    words += ["--format", "pylock.toml", str(lock)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)  # noqa: S603
    if done.returncode:
        raise OpsError(
            f"{lock.relative_to(ROOT)} cannot be looked up: {done.stderr.strip()[-500:]}"
        )
    wanted = frozenset[Tag]().union(*(_tags(machine) for machine in MACHINES))
    locked = lock.read_text(encoding="utf-8")
    for package in tomllib.loads(done.stdout)["packages"]:
        wheels = {_name(one): str(one["hashes"]["sha256"]) for one in package.get("wheels", [])}
        ours = {
            name: digest
            for name, digest in sorted(wheels.items())
            if digest in locked and wanted & _tags_of(name)
        }
        yield f"{canonicalize_name(package['name'])}=={package['version']}", ours


def main() -> None:
    """Ask the index about every lock file of an image, and write down what it says."""
    found: dict[str, dict[str, str]] = {}
    try:
        for lock in sbom.locks().values():
            for key, wheels in ask(lock):
                found.setdefault(key, {}).update(wheels)
    except OpsError as fault:
        sys.exit(f"error: {fault.message}")
    LOCK.write_text(json.dumps(dict(sorted(found.items())), indent=1) + "\n", encoding="utf-8")


def _name(wheel: Mapping[str, Any]) -> str:
    from urllib.parse import unquote

    where = str(wheel.get("name") or wheel.get("url") or wheel.get("path"))
    return unquote(where.rpartition("/")[2])


def _tags_of(wheel: str) -> frozenset[Tag]:
    return parse_wheel_filename(wheel)[3]


def _tags(machine: str) -> frozenset[Tag]:
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC, 4, -1)]
    platforms += [f"{legacy}_{machine}" for legacy in _LEGACY] + [f"linux_{machine}"]
    return frozenset(
        [
            *cpython_tags(PYTHON, platforms=platforms),
            *compatible_tags(PYTHON, interpreter="cp311", platforms=platforms),
        ]
    )


def _environment(machine: str) -> dict[str, str]:
    version = ".".join(map(str, PYTHON))
    return {
        **{key: str(value) for key, value in default_environment().items()},
        "platform_machine": machine,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "python_version": version,
        "python_full_version": f"{version}.9",
    }


if __name__ == "__main__":
    main()
