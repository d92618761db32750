"""The rows of the update matrix: what changes, and what a user may rely on while it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from shape import Shape

# safe: no request is lost. refused: the update fails, what served goes on, no request is lost.
# announced: requests are lost, and `make deploy` says so and does not begin without a yes.
Promise = Literal["safe", "refused", "announced"]

# What an answer begins with: archive, environment value, image.
FIRST, SECOND, SLOW = "one - one", "two - one", "slow - one"

REALTIME = Shape()
TWO = Shape(family="two", name="matrix-two", count=2)
GUARDED = replace(TWO, strategy="canary", max_latency_ms=1000)
# Any load is above its target, so it goes to its upper bound and stays there.
SCALED = Shape(family="scaled", name="matrix-scaled", scaled=(1, 3))
SERVERLESS = Shape(family="serverless", kind="serverless", name="matrix-serverless")
LATER = Shape(family="later", kind="serverless", name="matrix-later")
ASYNC = Shape(family="async", kind="async", name="matrix-async")
WEIGHED = replace(SCALED, family="weighed", name="matrix-weighed", weights=(9, 1))
# An update keeps the weight of a variant that is there, so a challenger's is one beside that.
ALONE = Shape(family="compared", name="matrix-compared", changes_variants=True)
COMPARED = replace(ALONE, weights=(1, 1 / 3))
UNSHADOWED = Shape(family="shadowed", name="matrix-shadowed")
COMPONENTS = Shape(
    family="components",
    kind="components",
    name="matrix-components",
    instance_type="ml.m5.xlarge",
    count=2,
)
COPIES = replace(COMPONENTS, family="copies", name="matrix-copies", count=1, scaled=(1, 3))


@dataclass(frozen=True, kw_only=True)
class Row:
    """An update under load."""

    id: str
    title: str
    before: Shape
    after: Shape
    promise: Promise = "safe"
    # What is answered after the update, and in which shares; of one that is refused, the old.
    answers: Mapping[str, float] = field(default_factory=lambda: {FIRST: 1.0})
    meanwhile: str | None = None  # what answered some requests before it was rolled back
    anew: bool = True  # after it, nothing that ran before answers any more
    counts: tuple[int, int] | None = None  # instances or copies that run before and after
    asleep: bool = False  # afterwards it sleeps at zero copies, and is asked again
    says: str = ""  # in what the CLI prints when it is refused
    names_alarm: str = ""  # whose name is there too: the end of its logical id

    @property
    def refused(self) -> bool:
        return self.promise == "refused"


def _row(id_: str, title: str, before: Shape, changes: dict[str, object], **more: object) -> Row:
    after = replace(before, **changes)  # type: ignore[arg-type]
    return Row(id=id_, title=title, before=before, after=after, **more)  # type: ignore[arg-type]


NEW = {SECOND: 1.0}
ROWS = (
    _row("model", "new model version", REALTIME, {"model": "two"}, answers=NEW),
    _row("image", "container image", REALTIME, {"image": "two"}, answers={"one - two": 1.0}),
    _row(
        "environment",
        "environment value",
        REALTIME,
        {"setting": "new"},
        answers={"one new one": 1.0},
    ),
    _row(
        "instance-type",
        "instance type, not autoscaled",
        REALTIME,
        {"instance_type": "ml.m5.xlarge"},
    ),
    _row("kms-key", "KMS key", REALTIME, {"key": "two"}),
    _row("capture-on", "data capture on", REALTIME, {"capture": True}),
    _row("capture-off", "data capture off", replace(REALTIME, capture=True), {"capture": False}),
    _row(
        "canary",
        "new model version, canary",
        replace(TWO, strategy="canary"),
        {"model": "two"},
        answers=NEW,
    ),
    _row(
        "rolling",
        "new model version, rolling",
        replace(TWO, strategy="rolling"),
        {"model": "two"},
        answers=NEW,
    ),
    _row(
        "scaled-instance-type",
        "instance type, autoscaled",
        SCALED,
        {"instance_type": "ml.m5.xlarge"},
        counts=(3, 3),
    ),
    _row(
        "scaled-model",
        "new model version, autoscaled",
        SCALED,
        {"model": "two"},
        answers=NEW,
        counts=(3, 3),
    ),
    _row("capacity", "capacity bounds", SCALED, {"scaled": (2, 3)}, anew=False, counts=(3, 3)),
    _row("count", "configured instance count, autoscaled", SCALED, {"count": 2}, counts=(3, 3)),
    _row(
        "weights",
        "weights of two variants, autoscaled",
        WEIGHED,
        {"weights": (1, 1), "weighs": True},
        answers={FIRST: 0.5, SECOND: 0.5},
        counts=(3, 3),
    ),
    _row(
        "challenger-joins",
        "a challenger joins",
        ALONE,
        {"weights": COMPARED.weights},
        answers={FIRST: 0.75, SECOND: 0.25},
    ),
    _row("challenger-leaves", "a challenger leaves", COMPARED, {"weights": None}),
    _row("shadow-joins", "a shadow variant joins", UNSHADOWED, {"shadow": True}),
    _row(
        "shadow-leaves",
        "a shadow variant leaves",
        replace(UNSHADOWED, shadow=True),
        {"shadow": False},
    ),
    _row("memory", "serverless memory", SERVERLESS, {"memory_mb": 4096}),
    _row("concurrency", "serverless concurrency", SERVERLESS, {"max_concurrency": 200}),
    _row(
        "serverless-model",
        "new model version, serverless",
        SERVERLESS,
        {"model": "two"},
        answers=NEW,
    ),
    _row("async-model", "new model version, asynchronous", ASYNC, {"model": "two"}, answers=NEW),
    _row(
        "async-instance-type",
        "instance type, asynchronous",
        ASYNC,
        {"instance_type": "ml.m5.xlarge"},
    ),
    _row("topics", "asynchronous results and topics", ASYNC, {"topics": True}),
    _row(
        "component-model",
        "new model version, component, rolling",
        COMPONENTS,
        {"model": "two"},
        answers=NEW,
        counts=(2, 2),
    ),
    _row(
        "component-copies",
        "copies of a component",
        COMPONENTS,
        {"count": 3},
        anew=False,
        counts=(2, 3),
    ),
    _row(
        "component-scaled-model",
        "new model version, component, autoscaled",
        COPIES,
        {"model": "two"},
        answers=NEW,
        counts=(3, 3),
    ),
    _row(
        "component-sleeps",
        "a component may sleep at zero copies",
        COPIES,
        {"scaled": (0, 3)},
        anew=False,
        counts=(3, 3),
        asleep=True,
    ),
    _row(
        "alarm",
        "guardrail alarm fires mid-canary",
        GUARDED,
        {"model": "slow"},
        promise="refused",
        meanwhile=SLOW,
        says="One or more alarms went off during the deployment",
        names_alarm="Latency",
    ),
    _row(
        "unhealthy",
        "container never becomes healthy",
        replace(REALTIME, startup_seconds=60),
        {"model": "stuck"},
        promise="refused",
        says="health check",
    ),
    _row(
        "half-way",
        "stack rollback half-way",
        REALTIME,
        {"model": "two", "breaks": True},
        promise="refused",
        meanwhile=SECOND,
        says="nobody",
    ),
    _row(
        "kind",
        "kind change, instances to serverless",
        REALTIME,
        {"kind": "serverless"},
        promise="refused",
        says="cannot become serverless",
    ),
    _row("kind-back", "kind change, serverless to instances", LATER, {"kind": "realtime"}),
    _row(
        "rename",
        "rename",
        REALTIME,
        {"name": "matrix-renamed"},
        promise="announced",
    ),
)
SHORT = ("alarm",)  # what `make test` runs of them
