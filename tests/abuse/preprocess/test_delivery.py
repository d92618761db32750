"""Events twice, late, out of order, and a function that dies anywhere: nothing lost or doubled.

A schedule uploads versions of two keys and delivers their events in any order and number; calls
crash before or after any of their S3 requests and are retried, or end in the DLQ, which is
replayed.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

import pytest
from abuse.preprocess.world import GOOD, HEADER, CrashError, World
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from preprocess import handler as function
from preprocess.faults import DatasetRejected
from preprocess.publish import is_older

KEYS = ("tiny/a b+c ü.csv", "tiny/../b.csv")
ATTEMPTS = 3
figures: Counter[str] = Counter()


class Delivery(RuleBasedStateMachine):
    """S3, a queue of events, the function, a dead-letter queue."""

    @initialize()
    def begin(self) -> None:
        self.world = World()
        function.s3 = lambda: self.world.s3  # type: ignore[assignment]
        self.uploads: dict[str, tuple[str, str, bool]] = {}  # version: key, sequencer, good
        self.queue: list[str] = []
        self.dead: list[str] = []
        self.ended: dict[str, str] = {}
        self.manifests: dict[str, bytes] = {}
        self.latest: dict[str, str] = {}
        figures["schedules"] += 1

    @rule(key=st.sampled_from(KEYS), good=st.integers(0, 3))
    def upload(self, key: str, good: int) -> None:
        number = len(self.uploads) + 1
        body = HEADER + (GOOD + f"{number},r,a\n" if good else f"{number},r,a\n")
        version = f"v{number}"
        self.world.s3.versions["raw", key, version] = body.encode()
        # Of any length, as S3's are: a longer one is not a later one.
        self.uploads[version] = (key, f"{number:04X}" + "0" * (number % 3), bool(good))
        self.queue.append(version)

    @rule(at=st.integers(0, 99))
    def duplicate(self, at: int) -> None:
        if self.uploads:
            self.queue.append(sorted(self.uploads)[at % len(self.uploads)])

    @rule(at=st.integers(0, 99), crash=st.none() | st.integers(0, 14), after=st.booleans())
    def deliver(self, at: int, crash: int | None, after: bool) -> None:
        """Any event of the queue, so that they are late and out of order."""
        if self.queue:
            self._attempt(self.queue.pop(at % len(self.queue)), crash, after)

    @rule(at=st.integers(0, 99), crash=st.integers(0, 12))
    def time_out_for_good(self, at: int, crash: int) -> None:
        if self.queue:
            version = self.queue.pop(at % len(self.queue))
            for _ in range(ATTEMPTS):
                if self._call(version, crash, after=False):
                    return
            self.dead.append(version)
            figures["to the DLQ"] += 1

    @rule(first=st.integers(0, 99), second=st.integers(0, 99), call=st.integers(0, 12))
    def two_at_once(self, first: int, second: int, call: int) -> None:
        """One runs from start to end between two requests of the other."""
        if len(self.queue) < 2:
            return
        outer = self.queue.pop(first % len(self.queue))
        inner = self.queue.pop(second % len(self.queue))
        state = {"left": call, "ran": False}

        def between(_: str, __: str) -> None:
            state["left"] -= 1
            if state["left"] < 0 and not state["ran"]:
                state["ran"] = True
                hook = self.world.s3.before
                self.world.s3.before = lambda *_: None
                self._attempt(inner, None, after=False)
                self.world.s3.before = hook

        self.world.s3.before = between
        self._end(outer)
        self.world.s3.before = lambda *_: None
        if not state["ran"]:
            self._attempt(inner, None, after=False)
        figures["two at once"] += 1

    @rule()
    def replay(self) -> None:
        self.queue += self.dead
        self.dead = []

    @invariant()
    def nothing_is_doubled_and_nothing_goes_back(self) -> None:
        if not hasattr(self, "world"):
            return
        for (bucket, key), body in self.world.s3.objects.items():
            if bucket == "processed" and key.endswith("/manifest.json"):
                figures["double effects"] += self.manifests.setdefault(key, body) != body
            if bucket == "processed" and "/latest/" in key:
                now = json.loads(body)["sequencer"]
                before = self.latest.get(key, now)
                figures["older over newer"] += is_older(now, before)
                self.latest[key] = now
        assert figures["double effects"] == figures["older over newer"] == 0

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        while self.queue or self.dead:
            self.queue += self.dead
            self.dead = []
            self._attempt(self.queue.pop(), None, after=False)
        self.nothing_is_doubled_and_nothing_goes_back()
        lost = set(self.uploads) - set(self.ended)
        figures["lost"] += len(lost)
        assert not lost
        for key in KEYS:
            mine = [v for v, (k, _, good) in self.uploads.items() if k == key and good]
            if mine:  # the newest good version of a key is what stands in the end
                newest = max(mine, key=lambda v: self.uploads[v][1].ljust(64, "0"))
                sequencers = {s for at, s in self.latest.items() if self._is_of(at, key)}
                assert sequencers == {self.uploads[newest][1]}
                assert self.ended[newest] in ("published", "unchanged")

    def _is_of(self, place: str, key: str) -> bool:
        return bool(self.world.json(place)["key"] == key)

    def _attempt(self, version: str, crash: int | None, after: bool) -> None:
        if not self._call(version, crash, after):
            figures["crashes"] += 1
            self.queue.append(version)  # not acknowledged: it comes again

    def _call(self, version: str, crash: int | None, after: bool) -> bool:
        left = {"calls": crash}

        def maybe(_: str, __: str) -> None:
            if left["calls"] is not None:
                left["calls"] -= 1
                if left["calls"] < 0:
                    raise CrashError

        self.world.s3.before = maybe
        try:
            self._end(version)
        except CrashError:
            return False
        finally:
            self.world.s3.before = lambda *_: None
        # Everything is written, and the answer never arrives.
        return not (after and crash is not None)

    def _end(self, version: str) -> None:
        key, sequencer, _ = self.uploads[version]
        figures["calls"] += 1
        try:
            result: dict[str, Any] = self.world.call(key, version_id=version, sequencer=sequencer)
            ended = str(result["status"])
        except DatasetRejected:
            ended = "rejected"
        if ended in ("published", "unchanged"):
            (latest,) = (
                found["sequencer"]
                for (_, at), body in self.world.s3.objects.items()
                if "/latest/" in at and (found := json.loads(body))["key"] == key
            )
            figures["older after newer"] += is_older(sequencer, latest)
        if self.ended.get(version) not in ("published", "unchanged"):
            self.ended[version] = ended
        figures[ended] += 1


def _run(schedules: int) -> None:
    figures.clear()
    original = function.s3
    try:
        run_state_machine_as_test(
            Delivery,
            settings=settings(
                max_examples=schedules,
                stateful_step_count=12,
                deadline=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
                database=None,
            ),
        )
    finally:
        function.s3 = original
    print(", ".join(f"{name}: {count:,}" for name, count in sorted(figures.items())))  # noqa: T201 (figures)
    assert figures["lost"] == figures["double effects"] == figures["older over newer"] == 0
    assert figures["older after newer"] == 0
    assert figures["crashes"]
    assert figures["superseded"]


@pytest.mark.filterwarnings("ignore:No application metrics")
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


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_no_schedule_of_deliveries_loses_or_doubles_anything() -> None:
    _run(40)


@pytest.mark.abuse
@pytest.mark.timeout(7200)
@pytest.mark.filterwarnings("ignore:No application metrics")
def test_ten_thousand_schedules_of_deliveries_lose_and_double_nothing() -> None:
    _run(int(os.environ.get("ABUSE_SCHEDULES", "10000")))
