"""A row's update under load, and what was seen of it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from async_load import AsyncLoad, constant_async_load
from deployment import Deployment
from rows import Row
from shape import Shape
from sleep import Slept, slept
from support.load import Answer, Load, Report, constant_load

RATE = 50.0  # requests a second
SETTLE_REQUESTS = 60  # answered before the update begins, and after it ended
SETTLE_SECONDS = 60.0  # the longest that may take
ON_THE_WAY = {
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::InferenceComponent",
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
    alarms: list[str]  # physical ids of the stack's alarms that the row names
    survives: bool  # the endpoint is there under its name
    same_config: bool
    shadows: list[str]  # names of variants that get copies of requests, after
    configured: int | None  # instances, in the config before
    counts: tuple[int | None, int | None]
    versions: Counter[str]  # what was answered to requests sent after the update
    meanwhile: int  # answers of what was rolled back
    processes_before: set[str]
    processes_after: set[str]
    slept: Slept | None
    seconds: float

    @property
    def by_the_new(self) -> int | None:
        """Answers by what the update brought; None where it brings nothing that answers."""
        if self.row.meanwhile:
            return self.meanwhile
        new = self.processes_after - self.processes_before
        if not new or self.row.promise != "safe":
            return None
        return sum(_process(one) in new for one in self.load.answers)


def measure(deployment: Deployment, row: Row, *, rate: float = RATE) -> Measured:
    """The update is done, or was refused, with load from before it to after it."""
    before, after = row.before, row.after
    deployment.is_at(before)
    resources = deployment.physical(before)
    config = deployment.endpoint(before)["EndpointConfigName"]
    configured = deployment.configured(config)
    began = time.monotonic()
    with load_on(deployment, before, rate=rate) as running:
        if row.counts is not None:
            deployment.scaled_to(before, row.counts[0])
        started = time.time()
        _settle(running, started)
        count = deployment.count(before)
        update = time.time()
        done = deployment.deploy(after)
        if row.counts is not None and done.returncode == 0:
            deployment.scaled_to(before, row.counts[1])
        ended = time.time()
        survives = before.name in deployment.endpoints()
        count_after = deployment.count(before) if survives else None
        if survives:
            _settle(running, ended)
    answers = running.report.answers
    now = deployment.physical(before)
    return Measured(
        row=row,
        said=" ".join((done.stdout + done.stderr).split()),
        succeeded=done.returncode == 0,
        status=deployment.status(before),
        load=running.report,
        replaced=sorted(
            {
                kind
                for name, (kind, physical) in now.items()
                if name in resources and resources[name][1] != physical and kind in ON_THE_WAY
            }
        ),
        alarms=[
            physical
            for name, (kind, physical) in now.items()
            if kind == "AWS::CloudWatch::Alarm" and row.names_alarm and row.names_alarm in name
        ],
        survives=survives,
        same_config=survives and deployment.endpoint(before)["EndpointConfigName"] == config,
        shadows=deployment.shadows(before) if survives else [],
        configured=configured,
        counts=(count, count_after),
        versions=Counter(version(one) for one in answers if one.sent > ended),
        meanwhile=sum(version(one) == row.meanwhile for one in answers),
        processes_before={_process(one) for one in answers if started < one.sent < update}
        if before.kind != "async"
        else {_process(one) for one in answers[:SETTLE_REQUESTS]},
        processes_after={_process(one) for one in answers if one.sent > ended},
        slept=slept(deployment, after, rate=rate) if row.asleep and done.returncode == 0 else None,
        seconds=time.monotonic() - began,
    )


def load_on(  # type: ignore[no-untyped-def]
    deployment: Deployment, shape: Shape, *, rate: float
):
    """A load of so many requests a second, as the endpoint's kind takes them."""
    if shape.kind == "async":
        return constant_async_load(deployment.aws, shape.name, rate=rate)
    component = {"X-Amzn-SageMaker-Inference-Component": shape.component}
    return constant_load(
        shape.name,
        server=deployment.aws,
        body=b"x",
        rate=rate,
        headers=component if shape.kind == "components" else None,
    )


def version(answer: Answer) -> str:
    return answer.text.rpartition(" ")[0]


def _process(answer: Answer) -> str:
    return answer.text.rpartition(" ")[2]


def _settle(load: Load, since: float) -> None:
    """Enough requests that were sent after `since` are answered; promises ask how, not this."""
    if isinstance(load, AsyncLoad) and not load.report.answers:
        load.collect(SETTLE_REQUESTS)
        return
    first, deadline = load.report.sent, time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        if isinstance(load, AsyncLoad):
            enough = load.report.sent - first
        else:
            enough = sum(one.sent > since for one in load.report.answers[first // 2 :])
        if enough >= SETTLE_REQUESTS:
            return
        time.sleep(0.1)
