"""The job's processes as one, by torch.distributed: NCCL between GPUs, Gloo between CPUs."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from training_job.failure import PeerLostError, TrainingError
from training_job.hosts import GATHER_SECONDS, PORT, address

# What Gloo, NCCL and their store say when one of the others is gone.
_LOST = (
    *("closed by peer", "reset by peer", "Broken pipe", "Connection refused", "pair closure"),
    *("Timed out waiting", "Socket Timeout", "remote process exited", "ncclRemoteError"),
)


class Cluster:
    """All processes of all instances; the methods are called on every one of them."""

    def __init__(self, hosts: Sequence[str], current: str, *, local_rank: int, local: int) -> None:
        self.hosts = tuple(hosts)
        self.local_rank = local_rank
        self.rank = self.hosts.index(current) * local + local_rank
        self.size = len(self.hosts) * local
        gpu = torch.cuda.is_available()
        self.device = torch.device(f"cuda:{local_rank}" if gpu else "cpu")

    @property
    def first(self) -> bool:
        """Whether this is the process that writes what the job leaves."""
        return self.rank == 0

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        summed = values.to(self.device)
        if self.size > 1:
            dist.all_reduce(summed)
        return summed.cpu()

    def counts(self, count: int) -> list[int]:
        """Every process's count, by rank."""
        own = torch.zeros(self.size, dtype=torch.int64)
        own[self.rank] = count
        return [int(one) for one in self.total(own)]

    def any(self, flag: bool) -> bool:
        """Whether it is true on one process at least."""
        return bool(self.total(torch.tensor([int(flag)]))[0])

    def gather(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The rows of all processes, one process's after the other's."""
        if self.size == 1:
            return rows
        ends = np.cumsum(self.counts(len(rows)))
        joined = np.zeros((int(ends[-1]), *rows.shape[1:]), dtype=rows.dtype)
        joined[ends[self.rank] - len(rows) : ends[self.rank]] = rows
        every: NDArray[Any] = self.total(torch.from_numpy(joined)).numpy()
        return every

    def together(self, fault: str) -> None:
        """Nothing, or every process's fault on all of them.

        Raises:
            TrainingError: one process cannot go on; the others would wait for it for ever.
        """
        said: list[str] = [fault]
        if self.size > 1:
            encoded = np.frombuffer((fault + "\n").encode(), dtype=np.uint8).copy()
            said = self.gather(encoded).tobytes().decode().splitlines()
        found = dict.fromkeys(text for text in said if text)
        if found:
            raise TrainingError("; ".join(found))


@contextmanager
def joined(hosts: Sequence[str], current: str, *, local_rank: int, local: int) -> Iterator[Cluster]:
    """The processes know one another until the block ends.

    Raises:
        TrainingError: not all of them came, or one was lost later (`PeerLostError`).
    """
    cluster = Cluster(hosts, current, local_rank=local_rank, local=local)
    if cluster.size == 1:
        yield cluster
        return
    if cluster.device.type == "cuda":
        torch.cuda.set_device(cluster.device)
    first = address(cluster.hosts[0], time.monotonic() + GATHER_SECONDS)
    try:
        dist.init_process_group(
            "nccl" if cluster.device.type == "cuda" else "gloo",
            init_method=f"tcp://{first}:{PORT}",
            rank=cluster.rank,
            world_size=cluster.size,
            timeout=datetime.timedelta(seconds=GATHER_SECONDS),
        )
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"{current} could not reach {cluster.hosts[0]} ({first}:{PORT}) for "
            f"{GATHER_SECONDS:g} seconds"
        ) from error
    try:
        yield cluster
        dist.destroy_process_group()
    except RuntimeError as error:
        if not any(sign in str(error) for sign in _LOST):
            raise
        raise PeerLostError(
            f"{current} lost the connection to the other processes of the job "
            f"({', '.join(hosts)}): one of them ended before the job did; its own log and failure "
            "say why"
        ) from error
