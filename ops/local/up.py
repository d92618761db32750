"""`make local`: from an install to four kinds of endpoint that answer, or one reason why not."""

from __future__ import annotations

import shlex

from ops.local import infrastructure, loop, server
from ops.local.context import Run
from ops.settings import ROOT

STAGES = (
    infrastructure.check_machine,
    infrastructure.start_aws,
    infrastructure.bootstrap,
    infrastructure.deploy,
    infrastructure.push_images,
    loop.ingest,
    loop.train,
    loop.approve,
    loop.predict,
)
LOCAL = "local"  # the environment that never means a real account


class InterruptedRunError(Exception):
    """The person pressed Ctrl-C; the message says how things stand and how to go on."""


def up(run: Run) -> None:
    """The whole workflow runs on this machine; raises OpsError at the first stage that fails."""
    try:
        for stage in STAGES:
            stage(run)
    except KeyboardInterrupt:
        raise InterruptedRunError(_standing(run)) from None


def _standing(run: Run) -> str:
    """How things stand after an interrupt. A half-started server is stopped, a ready one stays."""
    if not run.ready:
        server.stop(run.where)
        return (
            "interrupted before the local AWS was ready: it is stopped\n  make local    starts anew"
        )
    running = server.running(run.where)
    at = run.screen.steps[-1].title if run.screen.steps else "the start"
    where = running.url if running else "nowhere"
    return (
        f"interrupted at '{at}'. The local AWS runs on at {where} and ends what it began.\n"
        "  make local         goes on from here\n"
        "  make local-down    stops it and forgets everything"
    )


def next_commands(run: Run) -> list[tuple[str, str]]:
    """What to try next: a command and what it does, each exact."""
    first = "realtime" if "realtime" in run.endpoints else next(iter(run.endpoints), "realtime")
    request = run.where.samples / "request.csv"
    shown = sample_path(str(request))
    stack = run.deployment.stack("batch")
    commands = [
        (f"make invoke ENDPOINT={first} FILE={shown}", "ask an endpoint"),
        (f"make invoke ENDPOINT={first} FILE={shown} SDK=1", "the same through the SageMaker SDK"),
        (f"make upload FILE={sample_path(str(run.sample))}", "send raw data in"),
        ("make local-logs", "read the logs"),
        (
            f"make deploy ARGS='{stack} --parameters {stack}:InstanceCount=2'",
            "change a parameter",
        ),
    ]
    clients = "point any AWS client here (aws, boto3, cdk)"
    down = ("make local-down", "stop everything")
    if run.deployment.env == LOCAL:
        return [*commands, ('eval "$(make -s local-env)"', clients), down]
    # Any other environment means a real account until its exports say that this one is meant.
    said = f'eval "$(make -s local-env ENV={run.deployment.env})"'
    return [(said, f"first: {clients}"), *commands, down]


def sample_path(path: str) -> str:
    """A path as a person types it from the repository's root."""
    return shlex.quote(path.removeprefix(f"{ROOT}/"))
