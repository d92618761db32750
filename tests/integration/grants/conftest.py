"""A workflow of its own whose roles lose grants, deployed once with little data."""

from __future__ import annotations

import contextlib
import io
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console
from support.grants import Grants
from support.loop_stages import Loop
from support.ports import free_port

from ops import aws, settings
from ops.errors import OpsError
from ops.local import loop, server
from ops.local.context import Run
from ops.local.paths import Paths
from ops.local.up import STAGES
from ops.ui import Screen

ROWS = 200
# Waits are no part of what is tested: bake times, retries and cooldowns take no time.
TIME_FACTOR = 200.0
# Everything of `make local` but asking the endpoints, which the tests do themselves.
BEFORE_ASKING = [stage for stage in STAGES if stage is not loop.predict]
Talking = Callable[[Paths], contextlib.AbstractContextManager[None]]


# What config/local.toml leaves out and a role is given for.
MORE = """
[endpoints.realtime.challenger]
weight = 10
instance_count = 1

[endpoints.realtime.capture]
sampling_percent = 100

[endpoints.async.schedule]
stop = "cron(0 20 ? * FRI *)"
start = "cron(0 7 ? * MON *)"
"""
SPOT = "[training]\nspot = true\nmax_wait_minutes = 60\n"


@contextlib.contextmanager
def inside(talking: Talking, where: Paths) -> Iterator[pytest.MonkeyPatch]:
    """ops and every AWS client mean this workflow, for the block only."""
    with talking(where), pytest.MonkeyPatch.context() as patched:
        patched.setenv("WORKFLOW_CONFIG", str(where.home / "config"))
        yield patched


@pytest.fixture(autouse=True)
def _inside(workflow_run: Run, talking: Talking) -> Iterator[None]:
    with inside(talking, workflow_run.where):
        yield


@pytest.fixture(scope="package")
def workflow_run(tmp_path_factory: pytest.TempPathFactory, talking: Talking) -> Iterator[Run]:
    """The loop has run once up to its endpoints, with IAM enforced.

    The first training job got no instances: the machine waited and asked for a second one.
    """
    where = Paths(home=tmp_path_factory.mktemp("grants"))
    config = where.home / "config"
    config.mkdir()
    shipped = settings.config_file("local").read_text()
    (config / "local.toml").write_text(shipped.replace("[training]\n", SPOT) + MORE)
    file = where.home / "rows.csv"
    file.write_text(table(ROWS))
    try:
        with inside(talking, where) as patched:
            patched.setenv("LOCAL_AWS_CAPACITY_ERRORS", "1")
            run = Run(
                deployment=settings.current(),
                screen=Screen(Console(file=io.StringIO(), width=200)),
                where=where,
                sample=file,
                port=free_port(),
                enforce=True,
                time_factor=TIME_FACTOR,
            )
            try:
                for stage in BEFORE_ASKING:
                    stage(run)
            except (OpsError, ClientError) as fault:
                said = "\n".join(server.tail(where.log, 60))
                pytest.fail(f"{fault!r}\n{getattr(fault, 'log', '')}\n{said}")
        yield run
    finally:
        server.stop(where)


@pytest.fixture(scope="package")
def grants(workflow_run: Run, talking: Talking) -> Grants:
    """What the deployed roles may do, to take away."""
    prefix = f"{workflow_run.deployment.prefix}-"
    with inside(talking, workflow_run.where):
        iam, cloudformation = aws.client("iam"), aws.client("cloudformation")
    return Grants(iam=iam, cloudformation=cloudformation, prefix=prefix)


@pytest.fixture(scope="package")
def stages(workflow_run: Run) -> Loop:
    """The stages of the deployed loop."""
    deployment = workflow_run.deployment
    assert workflow_run.ingested is not None
    assert workflow_run.package is not None
    assert workflow_run.sample is not None
    return Loop(
        client=aws.client,
        parameter=lambda path: aws.published(deployment, path),
        resource=lambda stack, logical: _resource(deployment.stack(stack), logical),
        csv=workflow_run.sample.read_bytes(),
        manifest=workflow_run.ingested.manifest,
        package=workflow_run.package,
        log=workflow_run.where.log,
    )


def table(rows: int) -> str:
    """A CSV with the columns of the workflow's dataset, filled at random from a seed."""
    made = random.Random(17)  # noqa: S311  no secret is made of it
    block: Any = settings.config("local")["dataset"]
    values: dict[str, Callable[[], str]] = {
        "integer": lambda: str(made.randint(1, 12)),
        "number": lambda: f"{made.uniform(0, 100):.1f}",
        "category": lambda: made.choice("ABC"),
        "timestamp": lambda: "2013-01-01T05:00:00Z",
    }
    values[block["target"]] = lambda: made.choice("01")
    columns = block["columns"]
    lines = [",".join(columns)]
    for _ in range(rows):
        cells = [values[name if name in values else kind]() for name, kind in columns.items()]
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def _resource(stack: str, logical: str) -> str:
    listed = aws.client("cloudformation").list_stack_resources(StackName=stack)
    named = re.compile(rf"{logical}[0-9A-F]{{8}}")  # the CDK adds a hash to the id
    found = [
        str(one["PhysicalResourceId"])
        for one in listed["StackResourceSummaries"]
        if named.fullmatch(one["LogicalResourceId"])
    ]
    (only,) = found
    return only
