"""The instances of a job: their names, their addresses on this machine, and their shards."""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local_aws.runtime.containers import Launch, RuntimeFailure

_RESOLVER = Path(__file__).resolve().parent / "resolver"
_jobs = itertools.count()
_alone = threading.Lock()
# Linux has a whole /8 of loopback; elsewhere there is one address for everybody.
_MANY = sys.platform == "linux"
LOOPBACK = "lo" if _MANY else "lo0"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """The part of the objects one instance gets with ShardedByS3Key: about 1/n (contracts 1.2)."""

    index: int = 0
    count: int = 1

    def of(self, keys: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return this instance's own of the sorted keys."""
        return list(keys[self.index :: self.count])


def names(count: int) -> list[str]:
    """Return algo-1 to algo-<count>, sorted as resourceconfig.json has them (contracts 1.2)."""
    return sorted(f"algo-{number}" for number in range(1, count + 1))


@contextmanager
def addresses(hosts: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Yield an address of this machine for each host; those of two jobs do not clash.

    Where there is only one loopback address, jobs with several instances run one after the other.
    """
    if len(hosts) == 1:
        yield {}
        return
    if _MANY:
        block = f"127.{1 + os.getpid() % 250}.{next(_jobs) % 250}"
        yield {host: f"{block}.{number}" for number, host in enumerate(hosts, start=2)}
        return
    with _alone:
        yield dict.fromkeys(hosts, "127.0.0.1")


def knowing(launch: Launch, addresses: Mapping[str, str]) -> Launch:
    """Return the launch of a process that resolves the names of the job's instances."""
    if not addresses:
        return launch
    if launch.oci is not None:
        raise RuntimeFailure(
            f"the job asks for {len(addresses)} instances, which run as processes only: start the"
            " local AWS without ENGINE, or set InstanceCount to 1"
        )
    path = os.pathsep.join(filter(None, [str(_RESOLVER), launch.env.get("PYTHONPATH", "")]))
    known = " ".join(f"{host}={address}" for host, address in addresses.items())
    environment = {**launch.env, "PYTHONPATH": path, "LOCAL_AWS_HOSTS": known}
    return dataclasses.replace(launch, env=environment)
