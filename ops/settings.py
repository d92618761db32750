"""Which deployed workflow the commands talk to: a project and an environment."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """One deployed workflow, known by the names it was deployed under."""

    project: str
    env: str

    @property
    def prefix(self) -> str:
        """`<project>-<env>`: what the name of each stack and endpoint starts with."""
        return f"{self.project}-{self.env}"

    def stack(self, part: str) -> str:
        """The name of one of the workflow's stacks."""
        return f"{self.prefix}-{part}"

    def parameter(self, path: str) -> str:
        """The name of the SSM parameter under which the workflow publishes `path`."""
        return f"/{self.project}/{self.env}/{path}"


def environment_name() -> str:
    """The environment the person chose: WORKFLOW_ENV, else `local`."""
    return os.environ.get("WORKFLOW_ENV") or "local"


def config_folder() -> Path:
    """Where the environments' files lie: WORKFLOW_CONFIG, which app.py reads too, else config/."""
    return Path(os.environ.get("WORKFLOW_CONFIG") or ROOT / "config")


def config_file(env: str) -> Path:
    """The file that describes an environment; an unknown one is refused with those that exist."""
    path = config_folder() / f"{env}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.toml"))) or "none"
        raise OpsError(
            f"there is no environment called {env!r}: {path.parent.name}/{env}.toml is missing",
            fix=f"choose one of: {known} (ENV=<name>)",
        )
    return path


def config(env: str) -> dict[str, object]:
    """The environment's config file as plain data; a broken one is refused by its line."""
    path = config_file(env)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise OpsError(f"{path.parent.name}/{path.name} cannot be read: {fault}") from fault


def current() -> Deployment:
    """The deployment meant: WORKFLOW_PROJECT and WORKFLOW_ENV, else the config file."""
    env = environment_name()
    project = os.environ.get("WORKFLOW_PROJECT")
    if not project:
        block = config(env).get("project")
        project = str(block.get("name", "")) if isinstance(block, dict) else str(block or "")
    if not project:
        raise OpsError(
            f"config/{env}.toml names no project",
            fix='add  [project]\n     name = "<name>"',
        )
    return Deployment(project=project, env=env)


def dataset_name(env: str) -> str:
    """The name of the environment's dataset, which is the folder of its raw uploads."""
    block = config(env).get("dataset")
    name = block.get("name") if isinstance(block, dict) else None
    if not name:
        raise OpsError(f"config/{env}.toml has no [dataset] with a name")
    return str(name)
