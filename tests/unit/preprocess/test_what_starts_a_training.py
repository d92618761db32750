"""What a manifest and `latest` tell the training: what to train on, and what came before."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from preprocess import handler as function
from preprocess.publish import MOST_REPLACED

KEY = "tiny/raw.csv"
CONTEXT = SimpleNamespace(
    function_name="preprocess",
    memory_limit_in_mb=2048,
    invoked_function_arn="arn:aws:lambda:us-east-1:222233334444:function:preprocess",
    aws_request_id="1",
)
BACKFILL = {"starts_training": False}
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


def run(world: Any, content: str, block: dict[str, Any], **told: Any) -> dict[str, Any]:
    """The function's answer for the object with this content, told so."""
    world.s3.objects["raw", KEY] = content.encode()
    where = {"bucket": "raw", "key": KEY, **told}
    event = {"object": where, "dataset": block, "output": {"bucket": "processed"}}
    answer: dict[str, Any] = function.handler(event, CONTEXT)
    return answer


def manifest(world: Any, answer: dict[str, Any]) -> dict[str, Any]:
    """The manifest that an answer names."""
    place = answer["manifest"]
    found: dict[str, Any] = json.loads(world.s3.objects[place["bucket"], place["key"]])
    return found


def latest(world: Any, answer: dict[str, Any]) -> dict[str, Any]:
    """What `latest` says of the object, found by what the manifest calls it."""
    key = manifest(world, answer)["latest"]
    found: dict[str, Any] = json.loads(world.s3.objects["processed", key])
    return found


def test_an_upload_starts_a_training_and_names_where_the_latest_version_stands(
    world: Any, table: Any, declared: Any
) -> None:
    answer = run(world, table(), declared(), sequencer="1")
    assert manifest(world, answer)["starts_training"] is True
    assert latest(world, answer)["version"] == answer["version"]
    assert latest(world, answer)["replaced"] == []


def test_what_nobody_numbered_has_no_latest_version(world: Any, table: Any, declared: Any) -> None:
    """Objects asked for by hand come without a sequencer: there is no telling what is newer."""
    assert manifest(world, run(world, table(), declared()))["latest"] is None


def test_the_latest_version_names_those_that_stood_before(
    world: Any, table: Any, declared: Any
) -> None:
    answers = [
        run(world, table(rows=40 + number), declared(), sequencer=f"{number:x}")
        for number in range(3)
    ]
    first, second, third = (one["version"] for one in answers)
    assert latest(world, answers[2])["version"] == third
    assert latest(world, answers[2])["replaced"] == [first, second]


def test_a_version_that_came_back_is_none_of_those_before(
    world: Any, table: Any, declared: Any
) -> None:
    """The same bytes are uploaded again after others: they are what counts now."""
    one = run(world, table(), declared(), sequencer="1")
    other = run(world, table(rows=50), declared(), sequencer="2")
    again = run(world, table(), declared(), sequencer="3")
    assert again["version"] == one["version"]
    assert latest(world, again)["replaced"] == [other["version"]]


def test_only_the_newest_of_those_before_are_remembered(
    world: Any, table: Any, declared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preprocess.publish.MOST_REPLACED", 2)
    answers = [
        run(world, table(rows=40 + number), declared(), sequencer=f"{number:x}")
        for number in range(4)
    ]
    versions = [one["version"] for one in answers]
    assert latest(world, answers[3])["replaced"] == versions[1:3]
    assert MOST_REPLACED * 20 < 200_000  # state machines pass on 256 KB


def test_a_backfill_starts_no_training(world: Any, table: Any, declared: Any) -> None:
    answer = run(world, table(), declared(), **BACKFILL)
    assert answer["status"] == "published"
    assert manifest(world, answer)["starts_training"] is False


@pytest.mark.parametrize("told", [{"sequencer": "1"}, {}], ids=["upload", "by hand"])
def test_what_a_backfill_was_faster_with_is_announced_again(
    world: Any, table: Any, declared: Any, told: dict[str, str]
) -> None:
    """A new upload's version is there already when its own event comes, and nothing has trained."""
    run(world, table(), declared(), **BACKFILL)
    order = len(world.s3.order)

    answer = run(world, table(), declared(), **told)

    assert answer["status"] == "published"
    assert manifest(world, answer)["starts_training"] is True
    assert manifest(world, answer)["latest"] == (
        None if not told else next(key for key in world.s3.order if "/latest/" in key)
    )
    assert answer["manifest"]["key"] in world.s3.order[order:]
    assert run(world, table(), declared(), **told)["status"] == "unchanged"


def test_a_backfill_in_the_middle_of_an_uploads_own_run_costs_it_no_training(
    world: Any, table: Any, declared: Any
) -> None:
    """Before each write of the upload's run, the backfill runs whole."""
    stops = 12
    for stop in range(stops):
        world.s3 = type(world)().s3
        writes = _backfill_at(world, stop, lambda: run(world, table(), declared(), **BACKFILL))
        answer = run(world, table(), declared(), sequencer="1")
        assert answer["status"] == "published", stop
        assert manifest(world, answer)["starts_training"] is True, stop
    assert writes[0] < stops, "not every write was stopped at"


def _backfill_at(world: Any, stop: int, backfill: Callable[[], object]) -> list[int]:
    """Let it happen before this write; the list counts the writes."""
    writes = [0]

    def before(call: str, key: str) -> None:
        if call == "put":
            writes[0] += 1
            if writes[0] == stop + 1:
                backfill()

    world.s3.before = before
    return writes


def test_a_backfill_of_what_an_upload_published_changes_nothing(
    world: Any, table: Any, declared: Any
) -> None:
    first = run(world, table(), declared(), sequencer="1")
    order = list(world.s3.order)
    again = run(world, table(), declared(), **BACKFILL)
    assert again["status"] == "unchanged"
    assert manifest(world, first)["starts_training"] is True
    assert world.s3.order == order
