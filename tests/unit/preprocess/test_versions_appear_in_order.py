"""Two versions of one object prepared at once: the newer one's manifest is the last to appear."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from preprocess import handler as function

KEY = "tiny/raw.csv"


CONTEXT = SimpleNamespace(
    function_name="preprocess",
    memory_limit_in_mb=2048,
    invoked_function_arn="arn:aws:lambda:us-east-1:222233334444:function:preprocess",
    aws_request_id="1",
)
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


def _run(world: Any, content: str, sequencer: str, block: dict[str, Any]) -> dict[str, Any]:
    """Return what the function says of the object's version that has this sequencer."""
    world.s3.versions["raw", KEY, sequencer] = content.encode()
    where = {"bucket": "raw", "key": KEY, "sequencer": sequencer, "version_id": sequencer}
    event = {"object": where, "dataset": block, "output": {"bucket": "processed"}}
    result: dict[str, Any] = function.handler(event, CONTEXT)
    return result


@pytest.mark.parametrize("call", ["put", "read"])
@pytest.mark.parametrize("place", ["/latest/", "/manifest.json", "/statistics.json"])
def test_a_newer_version_that_overtakes_an_older_one_is_the_last_to_appear(
    world: Any, table: Any, declared: Any, call: str, place: str
) -> None:
    """The older run stands still before a deciding call, and the newer one runs whole."""
    for number in range(4):
        _overtaken(type(world)(), world, table, declared(), (call, place, number))


def _overtaken(
    fresh: Any, world: Any, table: Any, block: dict[str, Any], where: tuple[str, str, int]
) -> None:
    world.s3 = fresh.s3
    call, place, number = where
    newer: list[dict[str, Any]] = []
    left = number

    def before(name: str, key: str) -> None:
        nonlocal left
        if name == call and place in key and not newer:
            left -= 1
            if left < 0:
                newer.append({})
                newer[0] = _run(world, table(rows=50), "2", block)

    world.s3.before = before
    older = _run(world, table(), "1", block)
    if not newer:
        return
    manifests = [key for key in world.s3.order if key.endswith("/manifest.json")]
    assert newer[0]["status"] == "published"
    assert manifests[-1] == newer[0]["manifest"]["key"]
    assert older["status"] == "superseded"
    assert older["version"] == newer[0]["version"]
    (latest,) = (
        json.loads(body) for (_, key), body in world.s3.objects.items() if "/latest/" in key
    )
    assert latest["version"] == newer[0]["version"]


def test_what_an_overtaken_run_would_have_published_is_published_for_it(
    world: Any, table: Any, declared: Any
) -> None:
    """It has claimed to be the latest, and is stopped before it writes its manifest."""
    crash = RuntimeError("stopped")

    def before(name: str, key: str) -> None:
        if name == "put" and key.endswith("/manifest.json"):
            raise crash

    world.s3.before = before
    with pytest.raises(RuntimeError, match="stopped"):
        _run(world, table(), "1", declared())
    world.s3.before = lambda name, key: None

    newer = _run(world, table(rows=50), "2", declared())

    manifests = [key for key in world.s3.order if key.endswith("/manifest.json")]
    assert len(manifests) == 2
    assert manifests[-1] == newer["manifest"]["key"]
    first = json.loads(world.s3.objects["processed", manifests[0]])
    assert first["version"] == manifests[0].split("/")[1]
    assert first["rows"]["in"] == 40
