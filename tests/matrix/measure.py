"""A row's update under load, and what was seen of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from async_load import constant_async_load
from deployment import Deployment
from rows import Row
from shape import Shape
from support.load import Report, constant_load

SETTLE_SECONDS = 1.0  # load before the update begins, and after it ended
_ON_THE_WAY = {
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Model",
}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a row's update did."""

    row: Row
    said: str  # by the CLI
    succeeded: bool
    status: str  # of the stack, after
    load: Report
    replaced: list[str]  # types of resources with another physical id
    survives: bool  # the endpoint is there under its name, with the same config when refused
    same_config: bool
    count_before: int | None
    count_after: int | None
    seconds: float

    @property
    def cells(self) -> list[str]:
        """The row of the table in docs/update-matrix.md."""
        row, load = self.row, self.load
        counts = "-" if row.scaled_to is None else f"{self.count_before} -> {self.count_after}"
        left = (
            "-"
            if self.succeeded
            else f"{self.status}, "
            + ("the config from before" if self.same_config else "another config")
        )
        return [
            row.title,
            row.promise,
            ", ".join(name.removeprefix("AWS::SageMaker::") for name in self.replaced) or "nothing",
            "yes" if self.survives else "no",
            f"{len(load.failed)} of {load.sent} at {load.rate:.0f}/s",
            counts,
            left,
        ]


HEAD = [
    "change",
    "promise",
    "CloudFormation replaces",
    "name survives",
    "requests lost",
    "scaled count",
    "a rollback leaves",
]


def measure(deployment: Deployment, row: Row) -> Measured:
    """The update is done, or was refused, with load from before it to after it."""
    before, after = row.before, row.after
    deployment.is_at(before)
    resources = deployment.physical(before)
    config = deployment.endpoint(before)["EndpointConfigName"]
    load = (
        constant_async_load(deployment.aws, before.name)
        if before.kind == "async"
        else _load(deployment, before)
    )
    began = time.monotonic()
    with load as running:
        time.sleep(SETTLE_SECONDS)
        if row.scaled_to is not None:
            deployment.scaled_to(before, row.scaled_to)
        count = deployment.count(before)
        done = deployment.deploy(after)
        time.sleep(SETTLE_SECONDS)
    survives = before.name in deployment.endpoints()
    now = deployment.physical(before)
    return Measured(
        row=row,
        said=" ".join((done.stdout + done.stderr).split()),
        succeeded=done.returncode == 0,
        status=deployment.status(before),
        load=running if isinstance(running, Report) else running.report,
        replaced=sorted(
            {
                type_
                for name, (type_, physical) in now.items()
                if name in resources and resources[name][1] != physical and type_ in _ON_THE_WAY
            }
        ),
        survives=survives,
        same_config=survives and deployment.endpoint(before)["EndpointConfigName"] == config,
        count_before=count,
        count_after=deployment.count(before) if survives else None,
        seconds=time.monotonic() - began,
    )


def _load(deployment: Deployment, shape: Shape):  # type: ignore[no-untyped-def]
    return constant_load(shape.name, server=deployment.aws, body=b"x")
