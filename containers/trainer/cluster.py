"""The job's instances as one: XGBoost's own collective, with its tracker on the first host."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from training_job.failure import TrainingError
from training_job.hosts import GATHER_SECONDS, PORT, address

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

# A host may spend long on its own rows: only a broken connection means that it is lost.
_ANSWER_SECONDS = 6 * 3600
_Number = TypeVar("_Number", bound=np.generic)
_Result = TypeVar("_Result")


class Cluster:
    """The instances of the job; every method that speaks to the others is called on all of them."""

    def __init__(self, hosts: Sequence[str], current: str) -> None:
        self.hosts = tuple(hosts)
        self.rank = self.hosts.index(current)

    @property
    def size(self) -> int:
        return len(self.hosts)

    @property
    def first(self) -> bool:
        """Whether this is the instance that writes what the job leaves."""
        return self.rank == 0

    def total(self, values: NDArray[_Number]) -> NDArray[_Number]:
        """The sum over all instances."""
        if self.size == 1:
            return values
        from xgboost import collective

        added: NDArray[_Number] = collective.allreduce(values, collective.Op.SUM)
        return added.reshape(values.shape)  # XGBoost flattens it

    def any(self, flag: bool) -> bool:
        """Whether it is true on one instance at least."""
        return bool(self.total(np.array([int(flag)]))[0])

    def from_first(self, value: _Result) -> _Result:
        """The first instance's value."""
        if self.size == 1:
            return value
        from xgboost import collective

        # None stands for "nothing to send" there.
        sent: tuple[_Result] = collective.broadcast((value,) if self.first else None, 0)
        return sent[0]

    def gather(self, rows: NDArray[_Number]) -> NDArray[_Number]:
        """The rows of all instances, one instance's after the other's."""
        if self.size == 1:
            return rows
        counts = np.zeros(self.size, dtype=np.int64)
        counts[self.rank] = len(rows)
        ends = np.cumsum(self.total(counts))
        joined = np.zeros((int(ends[-1]), *rows.shape[1:]), dtype=rows.dtype)
        joined[ends[self.rank] - len(rows) : ends[self.rank]] = rows
        return self.total(joined)

    def together(self, work: Callable[[], _Result]) -> _Result:
        """What `work` returns here, or everybody's faults on every instance.

        Raises:
            TrainingError: one instance could not do it; the others would wait for it for ever.
        """
        if self.size == 1:
            return work()
        result, fault = None, ""
        try:
            result = work()
        except TrainingError as error:
            fault = str(error)
        from xgboost import collective

        faults = [collective.broadcast(fault, rank) for rank in range(self.size)]
        said = {text: host for host, text in reversed([*zip(self.hosts, faults, strict=True)])}
        if any(faults):
            raise TrainingError("; ".join(f"{host}: {text}" for text, host in said.items() if text))
        return result  # type: ignore[return-value]  # without a fault it was set


@contextmanager
def joined(hosts: Sequence[str], current: str) -> Iterator[Cluster]:
    """The instances know one another until the block ends.

    Raises:
        TrainingError: not all of them came, or one was lost later.
    """
    cluster = Cluster(hosts, current)
    if cluster.size == 1:
        yield cluster
        return
    from xgboost import collective
    from xgboost.core import XGBoostError

    deadline = time.monotonic() + GATHER_SECONDS
    first = address(cluster.hosts[0], deadline)
    tracker = _tracker(first, cluster.size) if cluster.first else None
    _connect(cluster, first, deadline)
    logger.info("instance %d of %d joined", cluster.rank + 1, cluster.size)
    try:
        yield cluster
        collective.finalize()
        if tracker is not None:
            tracker.wait_for(timeout=60)
    except XGBoostError as error:
        if "comm" not in str(error) and "socket" not in str(error):
            raise
        raise TrainingError(
            f"{current} lost the connection to the other instances ({', '.join(hosts)}): one of "
            "them ended before the job did; its own log and failure say why"
        ) from error


def _tracker(first: str, size: int) -> Any:
    from xgboost.tracker import RabitTracker

    # By task: the ranks follow the hosts' names, whoever comes first.
    tracker = RabitTracker(size, first, PORT, sortby="task", timeout=int(GATHER_SECONDS))
    tracker.start()
    return tracker


def _connect(cluster: Cluster, first: str, deadline: float) -> None:
    from xgboost import collective
    from xgboost.core import XGBoostError

    while True:
        try:
            collective.init(
                dmlc_communicator="rabit",
                dmlc_tracker_uri=first,
                dmlc_tracker_port=PORT,
                dmlc_task_id=f"{cluster.rank:06d}",
                dmlc_retry=1,
                dmlc_timeout=_ANSWER_SECONDS,
            )
            return
        except XGBoostError as error:
            if time.monotonic() > deadline:
                raise TrainingError(
                    f"{cluster.hosts[cluster.rank]} could not reach {cluster.hosts[0]} "
                    f"({first}:{PORT}) for {GATHER_SECONDS:g} seconds"
                ) from error
            time.sleep(0.5)
