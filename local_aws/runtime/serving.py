"""One serving container: started, asked for /ping until it answers, stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

from local_aws.runtime import launching
from local_aws.runtime.container_http import ContainerClient
from local_aws.runtime.containers import ContainerSpec, RuntimeFailure
from local_aws.runtime.logs import LogStream
from local_aws.runtime.processes import HOSTING_GRACE_SECONDS, Process, free_port, grace
from local_aws.runtime.workspace import Workspace

_PING_EVERY_SECONDS = 0.1  # while starting; a laptop's start-up should not wait on a poll
_LONGEST_TAIL = 600  # of the 1024 characters of a FailureReason


MODELS = "/opt/ml/models"  # contracts 2.4: where a multi-model container finds what it may load


class ServingContainer:
    """A running inference container with a workspace, a port and a log stream of its own.

    A multi-model one has no `model`; what it may load is put under `models` while it runs.
    """

    def __init__(
        self,
        container: ContainerSpec,
        *,
        name: str,
        model: Path | None,
        log: LogStream,
        platform: Mapping[str, str] | None = None,
        stop: threading.Event,
    ) -> None:
        self.spec = container
        self._log, self._what = log, container.name
        self._workspace = Workspace(name)
        try:
            self.process = self._start(container, model, platform or {}, stop)
        except BaseException:
            self._workspace.remove()
            raise

    def _start(
        self,
        container: ContainerSpec,
        model: Path | None,
        platform: Mapping[str, str],
        stop: threading.Event,
    ) -> Process:
        launch = launching.resolve(container.image, container.role_arn, self._workspace)
        if model is not None:
            # Every container of a variant reads the same files; they are read-only by contract.
            self._workspace.read_only("/opt/ml/model", model)
        if container.multi_model:
            self._workspace.folder(MODELS)
            platform = {**platform, "SAGEMAKER_MULTI_MODEL": "true"}
        self.port = free_port()
        self.client = ContainerClient(self.port)
        prepared = launching.prepare(
            launch,
            self._workspace,
            role_arn=container.role_arn,
            isolated=container.network_isolation,
            platform={
                "SAGEMAKER_BIND_TO_PORT": str(self.port),
                # It shares this machine's network, where nobody else is to reach it. Ours listen
                # where this says; on SageMaker it is not there, and they listen everywhere.
                "SAGEMAKER_BIND_TO_HOST": "127.0.0.1",
                **platform,
            },
            user=container.environment,
            arguments=["serve"],
            listens=True,
        )
        prepared.pull(say=self._log.write, stop=stop)
        return prepared.start(self._log.write)

    def wait_until_healthy(self, *, seconds: float, stop: threading.Event) -> None:
        """Return once `/ping` answered 200; RuntimeFailure, with the container stopped, if not."""
        deadline = time.monotonic() + seconds
        while not self.client.ping():
            if self.process.wait(_PING_EVERY_SECONDS) is not None:
                reason = f"ended with exit code {self.process.exit_code}"
            elif stop.is_set():
                reason = "was stopped"
            elif time.monotonic() > deadline:
                reason = f"gave no 200 in {seconds:g} seconds"
            else:
                continue
            self.stop()
            raise RuntimeFailure(self._unhealthy(reason))

    def _unhealthy(self, reason: str) -> str:
        tail = self.process.tail().strip()[-_LONGEST_TAIL:]
        return (
            f"the {self._what} container did not pass the ping health check: it {reason}. Logs:"
            f" {self._log.group}" + (f". Last output: {tail}" if tail else "")
        )

    def model_folder(self, name: str) -> tuple[Path, str]:
        """Return where a model of a multi-model container lies, here and as the container says."""
        path = f"{MODELS}/{name}/model"
        return self._workspace.path(path), self._workspace.moved(path)

    @property
    def name(self) -> str:
        """The container's host name, by which errors and metrics know it."""
        return self.spec.name

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.exit_code is None

    def stop(self) -> None:
        """Leave nothing of the container: SIGTERM, 30 seconds, SIGKILL (contracts 2.1)."""
        self.process.terminate(grace(HOSTING_GRACE_SECONDS))
        self._log.close()
        self._workspace.remove()
