"""The rows of the update matrix: what changes, and what a user may rely on while it does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from shape import Shape

# safe: no request is lost. refused: the update fails, what served goes on, no request is lost.
# announced: requests are lost, and `make deploy` says so and does not begin without a yes.
Promise = Literal["safe", "refused", "announced"]

REALTIME = Shape(count=1)
TWO = Shape(family="two", name="matrix-two", count=2)
# Every request is above the target, so the load takes it to its upper bound and keeps it there.
SCALED = Shape(family="scaled", name="matrix-scaled", scaled=(1, 3))
SERVERLESS = Shape(family="serverless", kind="serverless", name="matrix-serverless")
ASYNC = Shape(family="async", kind="async", name="matrix-async")


@dataclass(frozen=True, kw_only=True)
class Row:
    """An update under load.

    `answers` is what the new state answers, of "archive environment image"; None when the answer
    cannot show it, and `settled` then names a member of the deployed config that does.
    `scaled_to`: the count that scaling had reached before, which must be there after.
    """

    id: str
    title: str
    before: Shape
    after: Shape
    promise: Promise = "safe"
    answers: str | None = None
    scaled_to: int | None = None
    says: str = ""  # in what the CLI prints when it is refused


def _scaled(row: str, title: str, **changes: object) -> Row:
    return Row(
        id=row,
        title=title,
        before=SCALED,
        after=replace(SCALED, **changes),  # type: ignore[arg-type]
        scaled_to=3,
    )


ROWS = (
    Row(
        id="model",
        title="new model version",
        before=REALTIME,
        after=replace(REALTIME, model="two"),
        answers="two - one",
    ),
    Row(
        id="image",
        title="container image",
        before=REALTIME,
        after=replace(REALTIME, image="two"),
        answers="one - two",
    ),
    Row(
        id="environment",
        title="environment value",
        before=REALTIME,
        after=replace(REALTIME, setting="new"),
        answers="one new one",
    ),
    Row(
        id="instance-type",
        title="instance type, not autoscaled",
        before=REALTIME,
        after=replace(REALTIME, instance_type="ml.m5.xlarge"),
    ),
    Row(
        id="kms-key",
        title="KMS key",
        before=REALTIME,
        after=replace(REALTIME, key="two"),
    ),
    Row(
        id="capture-on",
        title="data capture on",
        before=REALTIME,
        after=replace(REALTIME, capture=True),
    ),
    Row(
        id="capture-off",
        title="data capture off",
        before=replace(REALTIME, capture=True),
        after=REALTIME,
    ),
    Row(
        id="canary",
        title="new model version, canary",
        before=replace(TWO, strategy="canary"),
        after=replace(TWO, strategy="canary", model="two"),
        answers="two - one",
    ),
    Row(
        id="rolling",
        title="new model version, rolling",
        before=replace(TWO, strategy="rolling"),
        after=replace(TWO, strategy="rolling", model="two"),
        answers="two - one",
    ),
    _scaled("scaled-instance-type", "instance type, autoscaled", instance_type="ml.m5.xlarge"),
    _scaled("scaled-model", "new model version, autoscaled", model="two"),
    _scaled("capacity", "capacity bounds", scaled=(2, 3)),
    Row(
        id="count",
        title="configured instance count, autoscaled",
        before=SCALED,
        after=replace(SCALED, count=2),
        scaled_to=3,
    ),
    Row(
        id="memory",
        title="serverless memory",
        before=SERVERLESS,
        after=replace(SERVERLESS, memory_mb=4096),
    ),
    Row(
        id="concurrency",
        title="serverless concurrency",
        before=SERVERLESS,
        after=replace(SERVERLESS, max_concurrency=50),
    ),
    Row(
        id="serverless-model",
        title="new model version, serverless",
        before=SERVERLESS,
        after=replace(SERVERLESS, model="two"),
        answers="two - one",
    ),
    Row(
        id="alarm",
        title="guardrail alarm fires mid-canary",
        before=replace(TWO, strategy="canary", max_latency_ms=200),
        after=replace(TWO, strategy="canary", max_latency_ms=200, model="slow"),
        promise="refused",
        answers="slow - one",
        says="alarm",
    ),
    Row(
        id="unhealthy",
        title="container never becomes healthy",
        before=REALTIME,
        after=replace(REALTIME, model="stuck"),
        promise="refused",
        says="health check",
    ),
    Row(
        id="half-way",
        title="stack rollback half-way",
        before=REALTIME,
        after=replace(REALTIME, model="two", breaks=True),
        promise="refused",
        answers="two - one",
        says="nobody",
    ),
    Row(
        id="kind",
        title="kind change, instances to serverless",
        before=REALTIME,
        after=replace(REALTIME, kind="serverless"),
        promise="refused",
        says="cannot become serverless",
    ),
    Row(
        id="topics",
        title="asynchronous results and topics",
        before=ASYNC,
        after=replace(ASYNC, topics=True),
    ),
    Row(
        id="rename",
        title="rename",
        before=REALTIME,
        after=replace(REALTIME, name="matrix-renamed"),
        promise="announced",
    ),
)
SHORT = ("alarm",)  # what `make test` runs of them
