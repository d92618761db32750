"""Events twice, late, out of order, and a function that dies anywhere: nothing lost or doubled."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from abuse.preprocess.replay import Replayed
from abuse.preprocess.schedules import KEYS, Delivery, figures
from abuse.preprocess.world import GOOD, HEADER, World
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from preprocess import handler as function
from preprocess import run

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")
WRONG = ("lost", "double effects", "older over newer", "older after newer")
SEEN = ("schedules", "calls", "at once", "crashes", "to the DLQ")
ENDS = ("published", "unchanged", "superseded", "rejected")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Replayed]:
    """The function's own engine, whose requests are played again where it has seen an object."""
    replayed = Replayed(run.prepare)
    monkeypatch.setattr(run, "prepare", replayed)
    monkeypatch.setattr(function, "s3", function.s3)  # each schedule sets its own
    function.logger.setLevel("ERROR")
    yield replayed
    function.logger.setLevel("INFO")


def _run(schedules: int, figure: Callable[[str], None]) -> None:
    figures.clear()
    run_state_machine_as_test(
        Delivery,
        settings=settings(
            max_examples=schedules,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    told = ", ".join(f"{figures[name]:,} {name}" for name in (*SEEN, *ENDS, *WRONG))
    figure(f"delivery: {told}")
    assert figures["schedules"] >= schedules
    assert not any(figures[name] for name in WRONG)
    assert all(figures[name] for name in (*SEEN, *ENDS))


def test_a_manifest_written_after_a_newer_version_was_published_is_answered_with_the_newer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    monkeypatch.setattr(function, "s3", lambda: world.s3)
    newer: list[dict[str, Any]] = []
    for version in ("v1", "v2"):
        world.s3.versions["raw", KEYS[0], version] = f"{HEADER}{GOOD}{version[1]},r,a\n".encode()

    def publish_the_newer(call: str, key: str) -> None:
        if call == "put" and key.endswith("/manifest.json") and not newer:
            newer.append({})
            newer.append(world.call(KEYS[0], version_id="v2", sequencer="02"))

    world.s3.before = publish_the_newer
    older = world.call(KEYS[0], version_id="v1", sequencer="01")

    assert newer[1]["status"] == "published"
    assert older["status"] == "superseded"
    assert older["manifest"] == newer[1]["manifest"]


def test_the_engine_asks_the_same_of_s3_however_often_it_runs(
    engine: Replayed, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    monkeypatch.setattr(function, "s3", lambda: world.s3)
    seen: list[Any] = []

    def twice(*arguments: Any) -> Any:
        seen.extend(engine.recorded(*arguments) for _ in range(2))
        return engine(*arguments)

    monkeypatch.setattr(run, "prepare", twice)
    world.s3.versions["raw", KEYS[0], "v1"] = f"{HEADER}{GOOD}".encode()
    world.call(KEYS[0], version_id="v1", sequencer="01")

    (first, prepared), (second, again) = seen
    assert sorted(map(repr, first)) == sorted(map(repr, second))
    assert (prepared.rows, prepared.statistics) == (again.rows, again.statistics)


def test_no_schedule_of_deliveries_loses_or_doubles_anything(
    engine: Replayed, figure: Callable[[str], None]
) -> None:
    _run(100, figure)


@pytest.mark.abuse
@pytest.mark.timeout(7200)
def test_ten_thousand_schedules_of_deliveries_lose_and_double_nothing(
    engine: Replayed, figure: Callable[[str], None]
) -> None:
    _run(int(os.environ.get("ABUSE_SCHEDULES", "10000")), figure)
