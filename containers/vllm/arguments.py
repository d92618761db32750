"""SM_VLLM_* as the server's command line, as AWS's own image reads it (contracts 11.2)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from vllm.errors import WrapperError

PREFIX = "SM_VLLM_"
# Told apart from the other lists by the server: it parses the JSON itself.
_WHOLE_LISTS = ("allowed-origins", "allowed-methods", "allowed-headers", "middleware")
# Ours to say: SageMaker connects to one port, and the model stands in front of the flags.
_OURS = ("port", "model")
_NAME = re.compile(r"[A-Z0-9]+(_[A-Z0-9]+)*")


def command_line(environment: Mapping[str, str], *, port: int, model_folder: Path) -> list[str]:
    """`serve <model> --port <port> <flags>`, the flags sorted by name.

    Raises WrapperError with every variable that cannot be understood, or when there is no model.
    """
    faults: list[str] = []
    flags: list[str] = []
    for variable in sorted(name for name in environment if name.startswith(PREFIX)):
        try:
            flags += _flag(variable, environment[variable], port)
        except WrapperError as fault:
            faults.append(str(fault))
    model = model_of(environment, model_folder)
    if model is None:
        faults.append(
            f"there is no model: {model_folder} is empty and neither SM_VLLM_MODEL nor HF_MODEL_ID "
            "is set: put weights under the model's S3 prefix, or name a model of the hub"
        )
    if faults or model is None:
        raise WrapperError("\n  ".join(faults))
    return ["serve", model, "--port", str(port), *flags]


def model_of(environment: Mapping[str, str], model_folder: Path) -> str | None:
    """SM_VLLM_MODEL, else what lies in the model folder, else the hub's HF_MODEL_ID."""
    if named := environment.get(f"{PREFIX}MODEL"):
        return named
    if model_folder.is_dir() and any(model_folder.iterdir()):
        return str(model_folder)
    return environment.get("HF_MODEL_ID") or None


def _flag(variable: str, value: str, port: int) -> Iterator[str] | list[str]:
    name = variable.removeprefix(PREFIX)
    if not _NAME.fullmatch(name):
        raise WrapperError(
            f"{variable} is no flag, allowed is {PREFIX} and the flag in capitals with underscores,"
            " like SM_VLLM_MAX_MODEL_LEN: rename it"
        )
    flag = name.lower().replace("_", "-")
    if flag == "port" and value != str(port):
        raise WrapperError(
            f"{variable} is {value!r}, allowed is {port}, where SageMaker connects: leave it out"
        )
    if flag in _OURS or value.lower() == "false":
        return []
    if value.lower() in ("true", ""):
        return [f"--{flag}"]
    if value.startswith(("[", "{")):
        return _structured(variable, flag, value)
    return [f"--{flag}", value]


def _structured(variable: str, flag: str, value: str) -> list[str]:
    """An object is one word; a list is one word for each element, but for four flags."""
    try:
        parsed = json.loads(value)
    except ValueError as fault:
        raise WrapperError(
            f"{variable} is {value!r}, which starts like JSON and is none ({fault}): correct it"
        ) from None
    if isinstance(parsed, dict) or flag in _WHOLE_LISTS:
        return [f"--{flag}", value]
    return [f"--{flag}", *(one if isinstance(one, str) else json.dumps(one) for one in parsed)]
