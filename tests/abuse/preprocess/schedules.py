"""A state machine of deliveries: what may happen between an upload and its end.

It uploads versions of two keys and delivers their events in any order and number, one by one and
several at once in any order of their requests; calls crash ahead of any request or before their
answer arrives and are retried, or end in the DLQ, which is replayed.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from functools import partial
from random import Random
from typing import Any

from abuse.preprocess.turns import Turns
from abuse.preprocess.world import GOOD, HEADER, CrashError, World
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from support.memory_s3 import MemoryS3

from preprocess import handler as function
from preprocess.faults import DatasetRejected
from preprocess.publish import is_older

KEYS = ("tiny/a b+c ü.csv", "tiny/../b.csv")
ATTEMPTS = 3
figures: Counter[str] = Counter()
# A call makes 17 requests when it publishes.
CRASH = st.none() | st.integers(0, 18)
ANY = st.integers(0, 99)
_local = threading.local()  # a call's requests until it crashes


class Watched(MemoryS3):
    """S3 that looks at each write: no manifest changes, nothing older stands over newer."""

    def __init__(self) -> None:
        super().__init__()
        self.stood: dict[str, bytes] = {}

    def put(self, bucket: str, key: str, body: bytes, **more: Any) -> bool:
        done = super().put(bucket, key, body, **more)  # and other calls', before it is done
        if done and (before := self.stood.get(key)) is not None:
            figures["double effects"] += key.endswith("/manifest.json")
            assert not key.endswith("/manifest.json"), f"{key} was written twice"
            now, then = (json.loads(text)["sequencer"] for text in (body, before))
            figures["older over newer"] += is_older(now, then)
            assert not is_older(now, then), f"{now} over {then}"
        if done and _decides(key):
            self.stood[key] = body
        return done


def _decides(key: str) -> bool:
    # Where two calls meet; a version's other files are the same bytes whoever writes them.
    return "/latest/" in key or key.endswith("/manifest.json")


class Delivery(RuleBasedStateMachine):
    """S3, a queue of events, the function, a dead-letter queue."""

    @initialize()
    def begin(self) -> None:
        self.world = World(Watched())
        self.world.s3.before = self._before
        function.s3 = lambda: self.world.s3  # type: ignore[assignment]
        self.uploads: dict[str, tuple[str, str, bool]] = {}  # version: key, sequencer, good
        self.queue: list[str] = []
        self.dead: list[str] = []
        self.ended: dict[str, str] = {}
        self.published: Counter[str] = Counter()
        self.turns: Turns | None = None
        figures["schedules"] += 1

    @rule(of=st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 3)), min_size=1, max_size=3))
    def upload(self, of: list[tuple[str, int]]) -> None:
        for key, good in of:
            self._uploaded(key, bool(good))

    @precondition(lambda self: self.uploads)
    @rule(at=ANY)
    def duplicate(self, at: int) -> None:
        self.queue.append(sorted(self.uploads)[at % len(self.uploads)])

    @precondition(lambda self: self.queue)
    @rule(at=ANY, crash=CRASH, lost=st.booleans())
    def deliver(self, at: int, crash: int | None, lost: bool) -> None:
        """Any event of the queue, so that they are late and out of order."""
        self._attempt(self._next(at), crash, lost)

    @precondition(lambda self: self.queue)
    @rule(at=ANY, crash=st.integers(0, 12))
    def time_out_for_good(self, at: int, crash: int) -> None:
        version = self._next(at)
        for _ in range(ATTEMPTS):
            if self._call(version, crash):
                return
        self.dead.append(version)
        figures["to the DLQ"] += 1

    @precondition(lambda self: self.queue)
    @rule(seed=st.integers(0, 2**32))
    def at_once(self, seed: int) -> None:
        """Two or three calls, also for one event, whose requests reach S3 in any order."""
        # What Hypothesis draws is small and alike: the same event, and one call after the other.
        dice = Random(seed)  # noqa: S311  chance, not secrets
        chosen = dice.choices(self.queue, k=dice.choice((2, 2, 3)))
        for version in set(chosen):
            self.queue.remove(version)
        crashes = [dice.choice((None, None, dice.randint(0, 18))) for _ in chosen]
        self.turns = Turns(
            [
                partial(self._attempt, version, crash, lost=dice.random() < 0.1)
                for version, crash in zip(chosen, crashes, strict=True)
            ]
        )
        self.turns.run(dice.choices(range(len(chosen)), k=8 * len(chosen)))
        self.turns = None
        figures["at once"] += len(chosen)

    @precondition(lambda self: self.dead)
    @rule()
    def replay(self) -> None:
        self.queue += self.dead
        self.dead = []

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.replay()
        while self.queue:
            self._attempt(self.queue.pop(), None, lost=False)
        lost = self.uploads.keys() - self.ended
        figures["lost"] += len(lost)
        assert not lost
        for key in KEYS:
            mine = [v for v, (k, _, good) in self.uploads.items() if k == key and good]
            if mine:  # the newest good version of a key is what stands in the end
                newest = max(mine, key=lambda v: self.uploads[v][1].ljust(64, "0"))
                assert self._stands(key) == self.uploads[newest][1]
                assert self.ended[newest] in ("published", "unchanged")
        assert max(self.published.values(), default=0) <= 1

    def _uploaded(self, key: str, good: bool) -> None:
        number = len(self.uploads) + 1
        body = HEADER + (GOOD + f"{number},r,a\n" if good else f"{number},r,a\n")
        version = f"v{number}"
        self.world.s3.versions["raw", key, version] = body.encode()
        # Of any length, as S3's are: a longer one is not a later one.
        self.uploads[version] = (key, f"{number:04X}" + "0" * (number % 3), good)
        self.queue.append(version)

    def _next(self, at: int) -> str:
        return self.queue.pop(at % len(self.queue))

    def _stands(self, key: str) -> str:
        (found,) = (
            latest["sequencer"]
            for (_, at), body in self.world.s3.objects.items()
            if "/latest/" in at and (latest := json.loads(body))["key"] == key
        )
        return str(found)

    def _attempt(self, version: str, crash: int | None, lost: bool) -> None:
        if not self._call(version, crash, lost=lost):
            figures["crashes"] += 1
            self.queue.append(version)  # not acknowledged: it comes again

    def _call(self, version: str, crash: int | None, *, lost: bool = False) -> bool:
        _local.left = crash
        try:
            self._end(version)
        except CrashError:
            return False
        finally:
            _local.left = None
        return not lost  # everything is written, and the answer never arrives

    def _before(self, _: str, key: str) -> None:
        if self.turns and _decides(key):
            self.turns.stop()
        left = getattr(_local, "left", None)
        if left is not None:
            _local.left = left - 1
            if left == 0:
                raise CrashError

    def _end(self, version: str) -> None:
        key, sequencer, _ = self.uploads[version]
        figures["calls"] += 1
        try:
            result: dict[str, Any] = self.world.call(key, version_id=version, sequencer=sequencer)
            ended = str(result["status"])
        except DatasetRejected:
            ended = "rejected"
        if ended in ("published", "unchanged"):
            stands = self._stands(key)
            figures["older after newer"] += is_older(sequencer, stands)
            assert not is_older(sequencer, stands), f"{sequencer} {ended}, {stands} stands"
        self.published[version] += ended == "published"
        if self.ended.get(version) not in ("published", "unchanged"):
            self.ended[version] = ended
        figures[ended] += 1
