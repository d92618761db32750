"""What the server finds in its environment: everything given, and nothing of the wrapper."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from vllm.arguments import PREFIX
from vllm.secret import VARIABLE

_OURS = Path(__file__).resolve().parent.parent


def of_server(
    environment: Mapping[str, str],
    model: str,
    *,
    wrapper: Path,
    read_token: Callable[[str], str],
) -> dict[str, str]:
    """The server's environment; `wrapper` is the folder of this interpreter's environment.

    The wrapper's interpreter and packages come off the paths: the server has its own, and a
    package called vllm of its own as well.
    """
    kept = {name: value for name, value in environment.items() if not name.startswith(PREFIX)}
    arn = kept.pop(VARIABLE, "")
    kept.pop("VIRTUAL_ENV", None)
    if arn and "HF_TOKEN" not in kept:
        kept["HF_TOKEN"] = read_token(arn)
    if Path(model).is_dir():
        kept.setdefault("HF_HUB_OFFLINE", "1")  # else it asks the hub first, with no network
    kept.setdefault("VLLM_NO_USAGE_STATS", "1")  # else it tells its makers how it is used
    kept["PATH"] = _without(kept.get("PATH", os.defpath), wrapper / "bin")
    paths = _without(kept.pop("PYTHONPATH", ""), _OURS)
    return {**kept, "PYTHONPATH": paths} if paths else kept


def _without(paths: str, folder: Path) -> str:
    parts = [one for one in paths.split(os.pathsep) if one]
    return os.pathsep.join(one for one in parts if Path(one).resolve() != folder.resolve())
