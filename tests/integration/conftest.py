"""One local AWS with the whole workflow in it, made by the code of `make local`."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console
from support.ports import free_port

from ops import aws, settings
from ops.errors import OpsError
from ops.local import server
from ops.local.context import Run
from ops.local.paths import Paths
from ops.local.up import up
from ops.settings import Deployment
from ops.ui import Screen

ROWS = 20_000  # spread over the year: enough for a model that is better than chance, and quick
TIME_FACTOR = 20.0


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """The deployed workflow, and what its making showed on the screen."""

    deployment: Deployment
    server: server.Server
    where: Paths
    run: Run
    shown: str

    def again(self) -> Run:
        """A further run of `make local` on the same local AWS, ready to go."""
        screen = Screen(Console(file=io.StringIO(), width=200))
        return Run(deployment=self.deployment, screen=screen, where=self.where, rows=ROWS)

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS, signed as its root."""
        return aws.client(service)


def shown(run: Run) -> str:
    """What a run has written to its screen."""
    assert isinstance(run.screen.console.file, io.StringIO)
    return run.screen.console.file.getvalue()


@pytest.fixture(scope="session")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workflow]:
    """The loop has run once: every kind of endpoint serves version 1. IAM is enforced."""
    where = Paths(home=tmp_path_factory.mktemp("workflow"))
    try:
        with talking_to(where):
            run = Run(
                deployment=settings.current(),
                screen=Screen(Console(file=io.StringIO(), width=200)),
                where=where,
                rows=ROWS,
                port=free_port(),
                enforce=True,
                time_factor=TIME_FACTOR,
            )
            try:
                up(run)
            except (OpsError, ClientError) as fault:
                said = "\n".join(server.tail(where.log, 60))
                pytest.fail(f"{shown(run)}\n{fault!r}\n{getattr(fault, 'log', '')}\n{said}")
            found = server.running(where)
            assert found is not None
        yield Workflow(
            deployment=run.deployment, server=found, where=where, run=run, shown=shown(run)
        )
    finally:
        server.stop(where)


@contextlib.contextmanager
def talking_to(where: Paths) -> Iterator[None]:
    """ops and every AWS client mean the local AWS of `where`, for the block only."""
    with pytest.MonkeyPatch.context() as patched:
        for name in [n for n in os.environ if n.startswith(("AWS_", "WORKFLOW_"))]:
            patched.delenv(name)
        patched.setenv("WORKFLOW_LOCAL_HOME", str(where.home))
        patched.setenv("WORKFLOW_ENV", "local")
        # `aws.enter` sets these in the process; named here so that they are undone at the end.
        for name in server.Server(pid=0, port=0, enforce=True).environment():
            if name != "WORKFLOW_ENV":
                patched.setenv(name, "")
                os.environ.pop(name)
        aws.client.cache_clear()
        if found := server.running(where):
            aws.enter(found)
        try:
            yield
        finally:
            aws.client.cache_clear()


@pytest.fixture(scope="session")
def talking() -> Callable[[Paths], contextlib.AbstractContextManager[None]]:
    """The way into a local AWS, for fixtures of folders below."""
    return talking_to
