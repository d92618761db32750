"""Lambda deployment packages: `python -m ops.package` makes build/lambda/<name>.zip from lambda/.

One zip a folder that has a requirements.txt, with the folder at its root and what that names as
wheels of the platform the function runs on, and one for Spark's code; functions without are
uploaded as they are, by the construct library. The same inputs give the same bytes.
Dependencies are packed once into a file of their own and code is added to a copy of it, so that a
change of code costs a second, not the ten that 180 MB of wheels take.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 250 * 1024 * 1024  # bytes unzipped, layers included (Lambda quotas)
PYTHON = "3.14"  # the runtime the functions declare
# The runtime brings these (boto3 and what it needs); a second copy would only take room.
PROVIDED = ("boto3", "botocore", "s3transfer", "urllib3", "jmespath", "dateutil", "six")
PLATFORMS = {
    "x86_64": "x86_64-manylinux_2_28",
    "arm64": "aarch64-manylinux_2_28",
    "host": None,
}
# Deflate levels on the polars library (178 MB): 1 = 60 MB in 1.8 s, 4 = 55 MB in 2.8 s,
# 6 = 53 MB in 6.3 s.
LEVEL = 4
# Code that travels like a function's and is none: `containers/preprocess_spark` to Spark.
ELSEWHERE = {"preprocess_spark": "containers"}
LEFT_OUT = ("__pycache__", ".in", ".pyc", ".lock")


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One finished package; `built` is False when the file was already right."""

    name: str
    path: Path
    zipped: int
    unzipped: int
    built: bool


def default_platform() -> str:
    """Return what runs on the local AWS here: wheels of Lambda's Linux where this is one."""
    native = (platform.system(), platform.machine()) == ("Linux", "x86_64")
    return "x86_64" if native else "host"


def functions(root: Path = ROOT) -> list[str]:
    """Return the names of the folders that are zipped."""
    others = [name for name, home in ELSEWHERE.items() if (root / home / name).is_dir()]
    packed = (root / "lambda").glob("*/requirements.txt")
    return sorted([path.parent.name for path in packed] + others)


def package(name: str, *, wheels: str, root: Path = ROOT, out: Path | None = None) -> Package:
    """Make the function's zip unless it is already what its inputs say; return where it is.

    Raises `ValueError` when the package is larger than Lambda takes.
    """
    out = out or root / "build" / "lambda"
    out.mkdir(parents=True, exist_ok=True)
    folder, target, stamp = (
        root / ELSEWHERE.get(name, "lambda") / name,
        out / f"{name}.zip",
        out / f"{name}.json",
    )
    code = [(f"{name}/{path.relative_to(folder).as_posix()}", path) for path in _files(folder)]
    requirements = folder / "requirements.txt"
    dependencies = None
    if requirements.exists():
        dependencies = _dependencies(name, requirements, wheels=wheels, out=out)
    wanted = {"inputs": _digest(code, dependencies), "platform": wheels}
    known = json.loads(stamp.read_text()) if stamp.exists() else {}
    fresh = target.exists() and {key: known.get(key) for key in wanted} == wanted
    if not fresh:
        # In a folder of its own: another run may make the same one, and a third read it.
        with tempfile.TemporaryDirectory(prefix=".", dir=out) as temporary:
            part, told = Path(temporary, target.name), Path(temporary, stamp.name)
            if dependencies:
                shutil.copyfile(dependencies, part)
            with zipfile.ZipFile(part, "a" if dependencies else "w") as archive:
                _add(archive, code)
            part.replace(target)
            told.write_text(json.dumps(wanted) + "\n")
            told.replace(stamp)
    with zipfile.ZipFile(target) as archive:
        unzipped = sum(entry.file_size for entry in archive.infolist())
    if unzipped > LIMIT:
        target.unlink()
        raise ValueError(
            f"{target.name} has {unzipped / 2**20:.0f} MB unzipped; Lambda takes at most"
            f" {LIMIT / 2**20:.0f} MB. Drop a dependency, or make the function a container image."
        )
    size = target.stat().st_size
    return Package(name=name, path=target, zipped=size, unzipped=unzipped, built=not fresh)


def _dependencies(name: str, requirements: Path, *, wheels: str, out: Path) -> Path:
    settings = [wheels, PYTHON, LEVEL, PROVIDED]
    if wheels == "host":
        settings += [platform.system(), platform.machine()]
    key = hashlib.sha256(requirements.read_bytes() + json.dumps(settings).encode()).hexdigest()
    cache = out / ".dependencies"
    target = cache / f"{name}-{wheels}-{key[:16]}.zip"
    if target.exists():
        return target
    cache.mkdir(exist_ok=True)
    for old in cache.glob(f"{name}-{wheels}-*.zip"):
        old.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        folder = Path(temporary, "installed")
        _install(requirements, folder, wheels)
        part = Path(temporary, "packed.zip")
        with zipfile.ZipFile(part, "w") as archive:
            _add(archive, [(p.relative_to(folder).as_posix(), p) for p in _files(folder)])
        part.replace(target)
    return target


def _install(requirements: Path, folder: Path, wheels: str) -> None:
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv) if uv.exists() else "uv", "pip", "install", "--quiet", "--no-deps"]
    command += ["--require-hashes", "--only-binary", ":all:", "--no-compile"]
    command += ["--requirement", str(requirements), "--target", str(folder)]
    if PLATFORMS[wheels]:
        command += ["--python-platform", str(PLATFORMS[wheels]), "--python-version", PYTHON]
    subprocess.run(command, check=True)  # noqa: S603 (our own command, no shell)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        provided = parts[0].split("-")[0] in PROVIDED or parts[0].split(".")[0] in PROVIDED
        # `bin` holds launchers with this machine's paths in them; nothing on Lambda calls them.
        if path.is_dir() or provided or parts[0] == "bin":
            continue
        if not any(part.endswith(LEFT_OUT) for part in parts):
            yield path


def _add(archive: zipfile.ZipFile, files: Sequence[tuple[str, Path]]) -> None:
    for name, path in files:
        entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        entry.create_system, entry.external_attr = 3, 0o100644 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, path.read_bytes(), compresslevel=LEVEL)


def _digest(code: Sequence[tuple[str, Path]], dependencies: Path | None) -> str:
    digest = hashlib.sha256((dependencies.name if dependencies else "").encode())
    for name, path in code:
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def main(arguments: Sequence[str] | None = None) -> None:
    """Package the functions named on the command line, or all of them; print one line for each."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.package", description="Make build/lambda/<name>.zip."
    )
    parser.add_argument("name", nargs="*", help="folders of lambda/ (default: all)")
    parser.add_argument("--platform", choices=sorted(PLATFORMS), default=default_platform())
    options = parser.parse_args(arguments)
    known = functions()
    if unknown := sorted(set(options.name) - set(known)):
        parser.error(f"no such function: {', '.join(unknown)}; there are: {', '.join(known)}")
    for name in options.name or known:
        started = time.monotonic()
        try:
            made = package(name, wheels=options.platform)
        except ValueError as error:
            sys.exit(str(error))
        except subprocess.CalledProcessError as error:
            sys.exit(f"lambda/{name}: uv could not install requirements.txt ({error.returncode})")
        state = "made" if made.built else "unchanged"
        print(  # noqa: T201
            f"{made.path.relative_to(ROOT)}: {state}, {made.zipped / 2**20:.1f} MB zipped,"
            f" {made.unzipped / 2**20:.1f} of {LIMIT / 2**20:.0f} MB unzipped,"
            f" {time.monotonic() - started:.1f} s"
        )


if __name__ == "__main__":
    main()
