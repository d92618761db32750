"""One instance of a training or processing job: its folders, its container, its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from local_aws.runtime import hosts, launching
from local_aws.runtime.hosts import Shard
from local_aws.runtime.jobs import LONGEST_REASON, Ending
from local_aws.runtime.logs import LogStream
from local_aws.runtime.processes import Process
from local_aws.runtime.workspace import Workspace


class JobHost:
    """An instance called `host`, with an /opt/ml of its own; `close` leaves nothing of it."""

    def __init__(self, *, name: str, host: str, shard: Shard, group: str, role_arn: str) -> None:
        self.host, self.shard = host, shard
        self.workspace = Workspace(name if shard.count == 1 else f"{name}-{host}")
        self._log = LogStream(group, f"{name}/{host}-{int(time.time())}", role_arn=role_arn)
        self._role_arn = role_arn
        self._prepared: launching.Prepared | None = None

    def prepare(self, image: str, addresses: Mapping[str, str], **given: Any) -> launching.Prepared:
        """The container can be started; it resolves the names of the job's other instances.

        `given` is what `launching.prepare` takes besides. A cluster's stand-in has no others.
        """
        launch = launching.resolve(image, self._role_arn, self.workspace)
        self._prepared = launching.prepare(
            launch if launch.cluster else hosts.knowing(launch, addresses),
            self.workspace,
            role_arn=self._role_arn,
            **given,
        )
        return self._prepared

    def pull(self, stop: Any) -> None:
        """Return once the image is there."""
        assert self._prepared is not None  # noqa: S101  prepared before
        self._prepared.pull(say=self._log.write, stop=stop)

    def start(self, on_line: Callable[[str], None] = lambda line: None) -> Process:
        """Return the running container; its output is in the log, and `on_line` gets it."""
        assert self._prepared is not None  # noqa: S101  prepared before

        def both(line: str) -> None:
            self._log.write(line)
            on_line(line)

        return self._prepared.start(both)

    def exit_reason(self, ending: Ending) -> str:
        """Return the exit code the container failed with, and its last output."""
        tail = ending.tail.strip()[-800:]
        code = f"AlgorithmError: exit code: {ending.exit_code}"
        return (code + (f", last output: {tail}" if tail else ""))[:LONGEST_REASON]

    def close(self) -> None:
        """Leave nothing of the instance but its log."""
        self._log.close()
        self.workspace.remove()
