"""What a script's `requirements.txt` names and this image does not hold.

SageMaker's toolkit installs it when the container starts. Here nothing is ever installed: an
endpoint without a network could not, and one with a network would serve what it found that day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from inference_server.errors import ModelLoadError

try:  # not in the image, which has no use for it; then names are compared, and versions are not
    from packaging.requirements import InvalidRequirement, Requirement
except ImportError:
    Requirement = None  # type: ignore[assignment,misc]

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\]\s*)?($|[<>=!~;@(].*)")


def check_requirements(script_dir: Path, path: list[str]) -> None:
    """Everything in `script_dir`'s requirements.txt is on the import path.

    Lines that name no distribution (options, addresses) are left to the script's own imports.

    Raises:
        ModelLoadError: naming what is not there, and where to put it.
    """
    file = script_dir / "requirements.txt"
    if not file.is_file():
        return
    wanted = [line for line in _lines(file) if _NAME.fullmatch(line)]
    if not wanted:
        return
    installed = {_normal(one.name): one for one in distributions(path=path) if one.name}
    missing = [line for line in wanted if not _is_there(line, installed, path)]
    if missing:
        raise ModelLoadError(
            f"code/requirements.txt names {', '.join(missing)[:500]}, not installed in this image, "
            "and nothing is installed at the start; put it into code/lib of the archive: "
            "pip install --target code/lib -r code/requirements.txt"
        )


def _lines(file: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8-sig", errors="replace").replace("\\\n", " ")
    for line in text.splitlines():
        # A comment begins with # after white space; what follows the version may be hashes.
        bare = re.split(r"(?:^|\s)#|\s--", line, maxsplit=1)[0].strip()
        if bare:
            yield bare


def _is_there(line: str, installed: dict[str, Distribution], path: list[str]) -> bool:
    match = _NAME.fullmatch(line)
    assert match is not None  # noqa: S101  the caller's choice, for mypy
    name, rest = match[1], match[2]
    if Requirement is not None:
        try:
            asked: Any = Requirement(line)
        except InvalidRequirement:
            return True  # what pip itself would not read is for the script to find out
        if asked.marker is not None and not asked.marker.evaluate():
            return True
        found = installed.get(_normal(name))
        if found is not None:
            return bool(asked.specifier.contains(found.version, prereleases=True))
    elif ";" in rest:
        return True  # for some other system, perhaps
    elif _normal(name) in installed:
        return True
    # Copied without what a wheel says about itself, it can be imported all the same.
    spec = PathFinder.find_spec(_normal(name).replace("-", "_"), path)
    return spec is not None and spec.origin is not None  # a mere folder has none


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
