"""Where SageMaker puts things, and where it looks for what we leave."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training_job.failure import TrainingError


@dataclass(frozen=True, kw_only=True, slots=True)
class Paths:
    """The folders of one training job below a base that is `/opt/ml` on SageMaker."""

    base: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Paths:
        """The job's folders; `SAGEMAKER_BASE_DIR` moves them, as in SageMaker's own toolkits."""
        values = os.environ if environment is None else environment
        return cls(base=Path(values.get("SAGEMAKER_BASE_DIR") or "/opt/ml"))

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def output_data(self) -> Path:
        return self.base / "output" / "data"

    @property
    def failure(self) -> Path:
        return self.base / "output" / "failure"

    @property
    def checkpoints(self) -> Path:
        """The folder that S3 follows when the job has a CheckpointConfig."""
        return self.base / "checkpoints"

    def channel(self, name: str) -> Path:
        """The folder that channel `name` is downloaded to."""
        return self.base / "input" / "data" / name

    def channels(self) -> list[str]:
        """The names of the job's channels, as its configuration lists them."""
        return sorted(self._config("inputdataconfig"))

    def sharded(self, name: str) -> bool:
        """Whether each instance holds its own part of the channel, not all of it."""
        entry = self._config("inputdataconfig").get(name) or {}
        return bool(entry.get("S3DistributionType") == "ShardedByS3Key")

    def hyperparameters(self) -> dict[str, str]:
        """The job's hyperparameters; empty when the request had none."""
        return {name: str(value) for name, value in self._config("hyperparameters").items()}

    def hosts(self) -> list[str]:
        """The names of the job's instances, sorted; at least one."""
        hosts = self._config("resourceconfig").get("hosts") or ["algo-1"]
        return sorted(str(host) for host in hosts)

    def current_host(self) -> str:
        """The name of this instance, one of `hosts`.

        Raises:
            TrainingError: resourceconfig.json names a host that is not among its own.
        """
        hosts = self.hosts()
        current = str(self._config("resourceconfig").get("current_host") or hosts[0])
        if current not in hosts:
            raise TrainingError(
                f"resourceconfig.json: current_host is {current!r}, which is none of the hosts "
                f"{', '.join(hosts)}"
            )
        return current

    def _config(self, name: str) -> dict[str, Any]:
        path = self.base / "input" / "config" / f"{name}.json"
        if not path.exists():
            return {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise TrainingError(f"input/config/{name}.json is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise TrainingError(f"input/config/{name}.json must hold a JSON object")
        return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Leave `content` at `path`, in a folder that may have to be made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
