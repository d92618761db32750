"""What exists in the local SageMaker: one table a noun, in memory, shared by every thread."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from local_aws.sagemaker.outbox import Outbox

Record = dict[str, Any]
R = TypeVar("R")

lock = threading.RLock()
changed = threading.Condition(lock)


def now() -> float:
    """Seconds since the epoch, to the millisecond, as the API's timestamps are."""
    return round(time.time(), 3)


def wait_until(done: Callable[[], bool], *, stopped: Callable[[], bool] = lambda: False) -> bool:
    """True once `done` holds; False when `stopped` came first."""
    with changed:
        while not done():
            if stopped():
                return False
            changed.wait(0.2)  # a stop flag cannot notify the condition, so look now and then
        return True


class Table(Generic[R]):
    """Records by name in the order they were made."""

    def __init__(self) -> None:
        self._records: dict[str, R] = {}

    def get(self, name: str) -> R | None:
        with lock:
            return self._records.get(name)

    def add(self, name: str, record: R) -> bool:
        """Whether the record was added: False when the name is taken."""
        with changed:
            if name in self._records:
                return False
            self._records[name] = record
            changed.notify_all()
            return True

    def remove(self, name: str) -> R | None:
        with changed:
            removed = self._records.pop(name, None)
            changed.notify_all()
            return removed

    def __iter__(self) -> Iterator[R]:
        with lock:
            return iter(list(self._records.values()))

    def clear(self) -> None:
        with lock:
            self._records.clear()


@dataclass(kw_only=True, slots=True)
class Job:
    """A job in its Describe shape, the flag that asks it to stop, what EventBridge is to hear."""

    record: Record
    stop: threading.Event = field(default_factory=threading.Event)
    outbox: Outbox = field(default_factory=Outbox)


models: Table[Record] = Table()
endpoint_configs: Table[Record] = Table()
endpoints: Table[Any] = Table()  # of endpoints.Endpoint, keyed by lower-cased name
inference_components: Table[Any] = Table()  # of Component, keyed by lower-cased name
training_jobs: Table[Job] = Table()
processing_jobs: Table[Job] = Table()
transform_jobs: Table[Job] = Table()
model_package_groups: Table[Record] = Table()
model_packages: Table[Record] = Table()  # keyed by ARN
tags: Table[dict[str, str]] = Table()  # keyed by ARN; an entry exists as long as its resource


def clear() -> None:
    """Forget everything (a test's clean start)."""
    for table in (
        models,
        endpoint_configs,
        endpoints,
        inference_components,
        training_jobs,
        processing_jobs,
        transform_jobs,
        model_package_groups,
        model_packages,
        tags,
    ):
        table.clear()
