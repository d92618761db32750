"""The containers of a variant: how many there are, and that each of them is healthy."""

from __future__ import annotations

import logging
import secrets
import threading
import time

from local_aws import adapter
from local_aws.runtime import model_data
from local_aws.runtime.container_http import ContainerClient
from local_aws.runtime.containers import ContainerSpec, RuntimeFailure
from local_aws.runtime.logs import LogStream, endpoint_group
from local_aws.runtime.serving import ServingContainer
from local_aws.runtime.workspace import Workspace

PING_PERIOD_SECONDS = 5.0  # contracts 2.2: AWS's own number is not published
FAILED_PINGS = 3  # in a row, before a live container is replaced; AWS's number is not published
SLEEP_AFTER_SECONDS = 300.0  # of silence, before a serverless container ends; under the time factor
SHORTEST_SLEEP_SECONDS = 5.0
_LONGEST_BACKOFF_SECONDS = 60.0  # between two starts of a container that keeps dying

_log = logging.getLogger(__name__)


class Fleet:
    """Between `start` and `stop`, as many healthy containers as were asked for."""

    def __init__(
        self,
        *,
        endpoint_name: str,
        variant_name: str,
        container: ContainerSpec,
        startup_seconds: float,
        may_sleep: bool,
        log_group: str | None = None,
    ) -> None:
        self._endpoint_name, self._variant_name = endpoint_name, variant_name
        self._container, self._startup_seconds = container, startup_seconds
        self._may_sleep = may_sleep
        self._log_group = log_group or endpoint_group(endpoint_name)
        self._containers: list[ServingContainer] = []
        self._failed_pings: dict[int, int] = {}
        self._wanted = 0
        self._in_use = 0
        self._last_use = time.monotonic()
        self._lock = threading.Lock()  # of the lists and numbers; held for no longer than that
        self._change = threading.RLock()  # one start, stop or replacement at a time
        self._stopped = threading.Event()
        self._look = threading.Event()
        self._workspace: Workspace | None = None
        self.asleep = False

    def start(self, count: int, stop: threading.Event) -> None:
        """Return with `count` healthy containers; on RuntimeFailure nothing is left."""
        self._workspace = Workspace(f"{self._endpoint_name}-{self._variant_name}")
        try:
            model_data.download(self._container, self._workspace.root / "model")
            self._grow(count, stop)
        except BaseException:
            self.stop()
            raise
        self._wanted = count
        threading.Thread(
            target=self._watch, name=f"fleet-{self._endpoint_name}", daemon=True
        ).start()

    def scale(self, count: int) -> None:
        """Return with `count` containers; those that leave take no new request first."""
        with self._change:
            self._wanted = count
            self._grow(count - len(self._containers), self._stopped)
            with self._lock:
                leaving, self._containers = self._containers[count:], self._containers[:count]
            _stop_together(leaving)

    def clients(self) -> list[ContainerClient]:
        """Return a client for each container that runs."""
        with self._lock:
            return [container.client for container in self._containers if container.alive]

    def touch(self, change: int) -> None:
        """Note a request that came (+1) or went (-1): a container in use does not sleep."""
        with self._lock:
            self._in_use += change
            self._last_use = time.monotonic()

    def wake(self) -> float:
        """Return how many seconds it took to have a container again; 0 when there was one."""
        if not self.asleep:
            return 0.0
        began = time.monotonic()
        with self._change:
            if not self.asleep:  # another request woke it; this one waited as long
                return time.monotonic() - began
            self._grow(1, self._stopped)
            self._wanted, self.asleep = 1, False
        return time.monotonic() - began

    def look_now(self) -> None:
        """Have the containers looked at now, not at the end of the period."""
        self._look.set()

    def stop(self) -> None:
        """Leave no container and no file."""
        self._stopped.set()
        self._look.set()
        with self._change:
            with self._lock:
                leaving, self._containers = self._containers, []
            _stop_together(leaving)
            if self._workspace is not None:
                self._workspace.remove()

    def _grow(self, count: int, stop: threading.Event) -> None:
        """Add `count` healthy containers, started together; all of them or none."""
        fresh: list[ServingContainer] = []
        try:
            for _ in range(count):
                fresh.append(self._new(stop))
            for container in fresh:
                container.wait_until_healthy(seconds=self._startup_seconds, stop=stop)
        except BaseException:
            _stop_together(fresh)
            raise
        with self._lock:
            self._containers += fresh

    def _new(self, stop: threading.Event) -> ServingContainer:
        assert self._workspace is not None  # noqa: S101  start() comes first
        stream = f"{self._variant_name}/i-{secrets.token_hex(8)}0"
        log = LogStream(self._log_group, stream, role_arn=self._container.role_arn)
        try:
            return ServingContainer(
                self._container,
                name=f"{self._endpoint_name}-{self._variant_name}",
                model=self._workspace.root / "model",
                log=log,
                stop=stop,
            )
        except RuntimeFailure:
            log.close()
            raise

    def _watch(self) -> None:
        backoff = 0.0
        while not self._stopped.is_set():
            self._look.wait(PING_PERIOD_SECONDS)
            self._look.clear()
            try:
                with self._change:
                    if self._stopped.is_set():
                        return
                    self._replace_the_dead()
                    self._sleep_if_idle()
                backoff = 0.0
            except RuntimeFailure as failure:
                _log.warning("endpoint %s: %s", self._endpoint_name, failure.reason)
                backoff = min(_LONGEST_BACKOFF_SECONDS, backoff * 2 or 1.0)
                self._stopped.wait(backoff)
                self._look.set()

    def _replace_the_dead(self) -> None:
        dead = [container for container in self._containers if not self._is_well(container)]
        with self._lock:
            self._containers = [item for item in self._containers if item not in dead]
        for container in dead:
            self._failed_pings.pop(container.port, None)
        _stop_together(dead)
        self._grow(self._wanted - len(self._containers), self._stopped)

    def _is_well(self, container: ServingContainer) -> bool:
        if not container.alive:
            return False
        failed = 0
        if not container.client.ping():
            if container.process.wait(0.5) is not None:  # it was about to end
                return False
            failed = self._failed_pings.get(container.port, 0) + 1
        self._failed_pings[container.port] = failed
        return failed < FAILED_PINGS

    def _sleep_if_idle(self) -> None:
        idle = max(SHORTEST_SLEEP_SECONDS, adapter.scaled(SLEEP_AFTER_SECONDS))
        with self._lock:
            silent = time.monotonic() - self._last_use
            if not self._may_sleep or self.asleep or self._in_use or silent < idle:
                return
            self.asleep, self._wanted = True, 0
            leaving, self._containers = self._containers, []
        _stop_together(leaving)


def _stop_together(containers: list[ServingContainer]) -> None:
    threads = [threading.Thread(target=container.stop) for container in containers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
