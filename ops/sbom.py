"""Bills of materials: `python -m ops.sbom` writes CycloneDX JSON of what the images install.

One for each lock file of a folder that makes an image, build/sbom/<container>[-<variant>].cdx.json:
an image installs one variant, so a list of all of them would be of no image. The same lock files
give the same bytes: neither a time nor a random number is in them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
_LOCK = "requirements"
_EPOCH = "SOURCE_DATE_EPOCH"
# The command line is what CycloneDX promises to keep, and nearly all of its time is its start: one
# process writes all bills.
_EACH = """
import json, os, runpy, sys
for folder, words in json.load(sys.stdin):
    os.chdir(folder)
    sys.argv = ["cyclonedx_py", *words]
    try:
        runpy.run_module("cyclonedx_py", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code:
            raise
"""


def locks(root: Path = ROOT) -> dict[str, Path]:
    """The lock file of each image and variant, by the name of its bill."""
    found = {
        path.parent.name + path.stem.removeprefix(_LOCK): path
        for dockerfile in (root / "containers").glob("*/Dockerfile")
        for path in dockerfile.parent.glob(f"{_LOCK}*.txt")
    }
    return dict(sorted(found.items()))


def write(out: Path, *, root: Path = ROOT, validate: bool = True) -> list[Path]:
    """Each bill is in `out`, and by CycloneDX's schema where `validate`, which takes the longest.

    Raises CalledProcessError where a lock file cannot be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    # A time in the environment would be written down.
    environment = {name: value for name, value in os.environ.items() if name != _EPOCH}
    paths = {name: out / f"{name}.cdx.json" for name in locks(root)}
    asked = []
    for name, lock in locks(root).items():
        words = ["requirements", "--output-reproducible", "--mc-type", "application"]
        words += ["--output-file", str(paths[name].resolve()), lock.name]
        words += [] if validate else ["--no-validate"]
        asked.append((str(lock.parent.resolve()), words))
    command = [sys.executable, "-c", _EACH]
    subprocess.run(command, input=json.dumps(asked), text=True, check=True, env=environment)  # noqa: S603
    return list(paths.values())


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the bills into the folder on the command line, or build/sbom; a line for each."""
    words = sys.argv[1:] if arguments is None else arguments
    out = Path(words[0]) if words else ROOT / "build" / "sbom"
    for path in write(out.resolve()):
        sys.stdout.write(f"{os.path.relpath(path)}\n")


if __name__ == "__main__":
    main()
