"""How the instances of a variant come to be: model files once, containers with a log each time."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from pathlib import Path

from local_aws.runtime import model_data
from local_aws.runtime.containers import ContainerSpec, RuntimeFailure
from local_aws.runtime.instance import Instance
from local_aws.runtime.logs import LogStream
from local_aws.runtime.serving import ServingContainer
from local_aws.runtime.workspace import Workspace


class Starter:
    """Starts instances that share the files of their models; `stream` heads their log streams."""

    def __init__(
        self,
        containers: Sequence[ContainerSpec],
        *,
        name: str,
        stream: str,
        log_group: str,
        download_seconds: float | None,
        volume_gb: int | None,
    ) -> None:
        self._containers, self._name, self._stream = tuple(containers), name, stream
        self._log_group = log_group
        self._download_seconds, self._volume_gb = download_seconds, volume_gb
        self._workspace: Workspace | None = None

    def prepare(self) -> None:
        """Have the model of each container here, but of those that load theirs on demand."""
        self._workspace = Workspace(self._name)
        for container in self._containers:
            if not container.multi_model:
                model_data.download(
                    container,
                    self._model_folder(container),
                    seconds=self._download_seconds,
                    volume_gb=self._volume_gb,
                )

    def start(self, stop: threading.Event) -> Instance:
        """Return an instance whose containers are starting."""
        stream = f"{self._stream}/i-{secrets.token_hex(8)}0"
        several = len(self._containers) > 1
        started: list[ServingContainer] = []
        try:
            for container in self._containers:
                name = f"{stream}/{container.name}" if several else stream
                started.append(self._serve(container, name, stop))
        except BaseException:
            for running in started:
                running.stop()
            raise
        return Instance(started, volume_gb=self._volume_gb)

    def remove(self) -> None:
        """Leave no file."""
        if self._workspace is not None:
            self._workspace.remove()

    def _serve(
        self, container: ContainerSpec, stream: str, stop: threading.Event
    ) -> ServingContainer:
        log = LogStream(self._log_group, stream, role_arn=container.role_arn)
        try:
            return ServingContainer(
                container,
                name=self._name,
                model=None if container.multi_model else self._model_folder(container),
                log=log,
                stop=stop,
            )
        except RuntimeFailure:
            log.close()
            raise

    def _model_folder(self, container: ContainerSpec) -> Path:
        assert self._workspace is not None  # noqa: S101  prepare() comes first
        several = len(self._containers) > 1
        return self._workspace.root / (f"model-{container.name}" if several else "model")
