"""Reading `config/<environment>.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from stacks.settings.errors import SettingsError, describe
from stacks.settings.project import Settings


def load(environment: str, folder: Path) -> Settings:
    """Return the settings of `environment`, read from `<folder>/<environment>.toml`.

    Raises SettingsError with every fault of the file.
    """
    file = folder / f"{environment}.toml"
    if not file.is_file():
        names = sorted(path.stem for path in folder.glob("*.toml"))
        raise SettingsError(
            _shown(file),
            [f"no such file; -c env=<name> must be one of: {', '.join(names) or 'none yet'}"],
        )
    return parse(file, environment=environment)


def parse(file: Path, *, environment: str | None = None) -> Settings:
    """Return the settings in `file`; `environment` is what its own name must be, if given.

    Raises SettingsError with every fault of the file.
    """
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_shown(file), [f"not valid TOML: {error}"]) from None
    except UnicodeDecodeError as error:
        fault = f"not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}"
        raise SettingsError(_shown(file), [fault]) from None
    context = {"environment": environment, "region": data.get("region")}
    try:
        return Settings.model_validate(data, context=context)
    except ValidationError as error:
        raise SettingsError(_shown(file), describe(error.errors(include_url=False))) from None


def _shown(file: Path) -> Path:
    """`config/local.toml`: the same words wherever the project lies."""
    return Path(file.parent.name) / file.name
