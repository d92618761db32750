"""Multi-model containers: models come on demand and go when there is no room (contracts 2.4)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local_aws.runtime import model_cache
from local_aws.runtime.containers import ContainerSpec, NoSuchModel, NotReady
from local_aws.runtime.hosting import Variant, VariantSpec

ROLE = "arn:aws:iam::222233334444:role/execution"
STAND_IN = Path(__file__).parents[3] / "support" / "stand_in_server.py"


@pytest.fixture
def many(
    aws: Any, image: Any, model_archive: Callable[..., bytes]
) -> Iterator[Callable[..., Variant]]:
    """Starts multi-model variants over the archives a, b and c, and stops them after the test."""
    for name in ("a", "b", "c"):
        aws.objects[f"s3://models/many/{name}.tar.gz"] = model_archive(name=name.encode())
    uri = image.add("stand_in", STAND_IN.read_text())
    made: list[Variant] = []

    def start(*, cache: bool = True, count: int = 1, **environment: str) -> Variant:
        container = ContainerSpec(
            image=uri,
            model_data_url="s3://models/many",
            model_data_source=None,
            environment=environment,
            role_arn=ROLE,
            multi_model=True,
            model_cache=cache,
        )
        variant = Variant(
            VariantSpec(
                endpoint_name="many",
                variant_name="primary",
                container=container,
                kind="instance",
                instance_type="ml.m5.large",
                count=count,
                memory_mb=None,
                max_concurrency=None,
                startup_timeout_seconds=60,
            )
        )
        made.append(variant)
        variant.start(threading.Event())
        return variant

    yield start
    for variant in made:
        variant.stop()


def _ask(variant: Variant, target: str, body: bytes = b"x") -> Any:
    return variant.invoke(body, {model_cache.TARGET: f"{target}.tar.gz"})


def test_a_model_is_downloaded_and_loaded_once(many: Any) -> None:
    variant = many()
    first, again = _ask(variant, "a"), _ask(variant, "a")
    assert (first.body, again.body) == (b"a x", b"a x")
    assert first.loading.cache_hit is False
    assert first.loading.download_us > 0
    assert first.loading.waited_us >= first.loading.load_us > 0
    assert again.loading.cache_hit is True
    assert again.loading.download_us is None


def test_many_at_once_load_a_model_once(many: Any, aws: Any) -> None:
    variant = many(LOADING="0.2")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _ask(variant, "a"), range(8)))
    assert {answer.body for answer in answers} == {b"a x"}
    assert len({answer.loading.load_us for answer in answers if not answer.loading.cache_hit}) == 1


def test_the_least_recently_used_model_makes_room(many: Any, aws: Any, eventually: Any) -> None:
    variant = many(ROOM="2")
    for target in ("a", "b", "a", "c"):
        _ask(variant, target)
    lines = eventually(
        lambda: [
            line for log in list(aws.logs.values()) for line in log if line.startswith("unloaded")
        ]
    )
    assert lines == ["unloaded b"]
    assert _ask(variant, "b").loading.download_us is None  # it is still on the volume


def test_a_container_with_no_room_at_all_answers_for_itself(many: Any) -> None:
    """507 with nothing left to unload is the container's own answer."""
    answer = _ask(many(ROOM="0"), "a")
    assert (answer.status, answer.body) == (507, b"no room")


def test_a_model_that_loads_slowly_is_not_ready_and_goes_on_loading(
    many: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr(model_cache, "READY_SECONDS", 0.2)
    variant = many(LOADING="1")
    with pytest.raises(NotReady, match="still being loaded by container primary"):
        _ask(variant, "a")
    monkeypatch.setattr(model_cache, "READY_SECONDS", 60)
    assert _ask(variant, "a").body == b"a x"


def test_a_model_that_is_not_there_can_come_later(
    many: Any, aws: Any, model_archive: Callable[..., bytes]
) -> None:
    variant = many()
    with pytest.raises(NoSuchModel, match=r"key: many/new\.tar\.gz.*there is no object"):
        _ask(variant, "new")
    aws.objects["s3://models/many/new.tar.gz"] = model_archive(name=b"new")
    assert _ask(variant, "new").body == b"new x"


def test_without_a_cache_a_model_goes_after_its_answer(many: Any) -> None:
    variant = many(cache=False)
    assert [_ask(variant, "a").loading.cache_hit for _ in range(2)] == [False, False]


def test_requests_go_where_their_model_is(many: Any) -> None:
    """An instance that has the model goes before one that would have to load it."""
    variant = many(count=2)
    hits = [_ask(variant, "a").loading.cache_hit for _ in range(4)]
    assert hits == [False, True, True, True]
