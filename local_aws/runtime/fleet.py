"""The instances of a variant: how many there are, and that each of them is healthy."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from local_aws import adapter
from local_aws.runtime.container_http import INVOCATION_TIMEOUT_SECONDS
from local_aws.runtime.containers import ContainerSpec, RuntimeFailure
from local_aws.runtime.instance import Instance
from local_aws.runtime.logs import endpoint_group
from local_aws.runtime.starting import Starter

PING_PERIOD_SECONDS = 5.0  # contracts 2.2: AWS's own number is not published
FAILED_PINGS = 3  # in a row, before a live container is replaced; AWS's number is not published
SLEEP_AFTER_SECONDS = 300.0  # of silence, before a serverless container ends; under the time factor
SHORTEST_SLEEP_SECONDS = 5.0
_LONGEST_BACKOFF_SECONDS = 60.0  # between two starts of a container that keeps dying

_log = logging.getLogger(__name__)


class Fleet:
    """Between `start` and `stop`, as many healthy instances as were asked for.

    Each runs every one of `containers`.
    """

    def __init__(
        self,
        *,
        endpoint_name: str,
        variant_name: str,
        containers: Sequence[ContainerSpec],
        startup_seconds: float,
        may_sleep: bool,
        log_group: str | None = None,
        download_seconds: float | None = None,
        volume_gb: int | None = None,
    ) -> None:
        self._endpoint_name = endpoint_name
        self._starter = Starter(
            containers,
            name=f"{endpoint_name}-{variant_name}",
            stream=variant_name,
            log_group=log_group or endpoint_group(endpoint_name),
            download_seconds=download_seconds,
            volume_gb=volume_gb,
        )
        self._startup_seconds, self._may_sleep = startup_seconds, may_sleep
        self._instances: list[Instance] = []
        self._wanted = 0
        self._in_use = 0
        self._last_use = time.monotonic()
        # Of the lists and numbers; held for no longer than that.
        self._lock = threading.Condition()
        self._change = threading.RLock()  # one start, stop or replacement at a time
        self._stopped = threading.Event()
        self._look = threading.Event()
        self.asleep = False

    def start(self, count: int, stop: threading.Event) -> None:
        """Return with `count` healthy instances; on RuntimeFailure nothing is left."""
        try:
            self._starter.prepare()
            self._grow(count, stop)
        except BaseException:
            self.stop()
            raise
        self._wanted, self._last_use = count, time.monotonic()
        threading.Thread(
            target=self._watch, name=f"fleet-{self._endpoint_name}", daemon=True
        ).start()

    def scale(self, count: int) -> None:
        """Return with `count` instances; those that leave answer what they were asked first."""
        with self._change:
            self._wanted = count
            self._grow(count - len(self._instances), self._stopped)
            with self._lock:
                leaving, self._instances = self._instances[count:], self._instances[:count]
            _stop_together(leaving, drain=self._drain)

    @property
    def size(self) -> int:
        """How many instances run."""
        with self._lock:
            return len(self._running())

    def take(self, choose: Callable[[Sequence[Instance]], Instance]) -> Instance | None:
        """The chosen one of the instances that run, kept until `give_back`; None without any."""
        with self._lock:
            running = self._running()
            if not running:
                return None
            instance = choose(running)
            instance.outstanding += 1
            return instance

    def give_back(self, instance: Instance) -> None:
        """The request is over: an instance that is to leave may go."""
        with self._lock:
            instance.outstanding -= 1
            self._lock.notify_all()

    def _running(self) -> list[Instance]:
        return [instance for instance in self._instances if instance.alive]

    def _drain(self, instance: Instance) -> None:
        deadline = time.monotonic() + INVOCATION_TIMEOUT_SECONDS
        with self._lock:
            while instance.outstanding and time.monotonic() < deadline:
                self._lock.wait(1.0)

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
                leaving, self._instances = self._instances, []
            _stop_together(leaving)
            self._starter.remove()

    def _grow(self, count: int, stop: threading.Event) -> None:
        """Add `count` healthy instances, started together; all of them or none."""
        fresh: list[Instance] = []
        try:
            for _ in range(count):
                fresh.append(self._starter.start(stop))
            for instance in fresh:
                instance.wait_until_healthy(seconds=self._startup_seconds, stop=stop)
        except BaseException:
            _stop_together(fresh)
            raise
        with self._lock:
            self._instances += fresh

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
        dead = [instance for instance in self._instances if not self._is_well(instance)]
        with self._lock:
            self._instances = [item for item in self._instances if item not in dead]
        _stop_together(dead)
        self._grow(self._wanted - len(self._instances), self._stopped)

    def _is_well(self, instance: Instance) -> bool:
        if not instance.alive:
            return False
        if instance.ping():
            instance.failed_pings = 0
            return True
        if instance.ends_within(0.5):  # it was about to
            return False
        instance.failed_pings += 1
        return instance.failed_pings < FAILED_PINGS

    def _sleep_if_idle(self) -> None:
        idle = max(SHORTEST_SLEEP_SECONDS, adapter.scaled(SLEEP_AFTER_SECONDS))
        with self._lock:
            silent = time.monotonic() - self._last_use
            if not self._may_sleep or self.asleep or self._in_use or silent < idle:
                return
            self.asleep, self._wanted = True, 0
            leaving, self._instances = self._instances, []
        _stop_together(leaving)


def _stop_together(
    instances: Sequence[Instance], *, drain: Callable[[Instance], None] = lambda _: None
) -> None:
    def stop(instance: Instance) -> None:
        drain(instance)
        instance.stop()

    threads = [threading.Thread(target=stop, args=(instance,)) for instance in instances]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
