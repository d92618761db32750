"""Objects under a prefix are one table: the version is that of the objects behind one another."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preprocess import job
from preprocess.faults import DatasetRejected, ObjectFault
from preprocess_spark import folder
from preprocess_spark.engine import Engine
from tests.unit.preprocess_spark.test_two_engines import BLOCK, BY_TIME, assert_same, table

PLACE = {"bucket": "raw", "key": "tiny/may/"}


def put(engines: Any, *contents: bytes, names: str = "abcdefgh") -> list[Any]:
    """The objects of the folder, as a listing tells of them."""
    for known in [k for k in engines.store.objects if k[0] == "raw"]:
        del engines.store.objects[known]
    for name, content in zip(names, contents, strict=False):
        engines.store.objects["raw", f"{PLACE['key']}{name}"] = content
    heads = {
        key: engines.store.head("raw", key)
        for bucket, key in engines.store.objects
        if bucket == "raw"
    }
    return folder.sources(
        "raw", [{"Key": k, "ETag": f'"{h.etag}"', "Size": h.size} for k, h in heads.items()]
    )


def prepared(engines: Any, block: dict[str, Any], parts: list[Any], nominal: int) -> Any:
    """The version of the folder, or the sentence that refuses it."""
    engine = Engine(
        engines.cluster,
        region="us-east-1",
        range_bytes=nominal,
        client=engines.client,
        parts=parts,
    )
    event = {"object": PLACE, "dataset": block, "output": {"bucket": "other"}}
    for known in [k for k in engines.store.objects if k[0] == "other"]:
        del engines.store.objects[known]
    try:
        outcome = job.process(
            event, engines.store, engine.prepare, lambda s3, place: folder.whole(place, parts)
        )
    except DatasetRejected as rejected:
        return str(rejected)
    return engines.read("other", block["name"], outcome)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 9_999),
    places=st.lists(st.integers(1, 119), min_size=1, max_size=4, unique=True),
    nominal=st.integers(150, 3_000),
    block=st.sampled_from([BLOCK, BY_TIME]),
)
def test_a_folder_gives_what_its_objects_behind_one_another_give(
    here: Any, seed: int, places: list[int], nominal: int, block: dict[str, Any]
) -> None:
    content = table(seed, 120, 0)
    header, *lines = content.splitlines(keepends=True)
    cuts = [0, *sorted(places), len(lines)]
    pieces = [header + b"".join(lines[a:b]) for a, b in pairwise(cuts)]

    found = prepared(here, block, put(here, *pieces), nominal)

    first = 1
    for piece, told in zip(pieces, found.statistics.pop("objects"), strict=True):
        rows = piece.count(b"\n") - 1
        assert (told["first_row"], told["rows"]) == (first, rows)
        first += rows
    whole = here.function(content, block, "tiny/whole.csv")
    # Only the names of the versions differ.
    assert_same(found, replace(whole, schema=whole.schema | {"version": found.schema["version"]}))


def test_a_bad_row_has_the_number_it_has_in_the_folder(here: Any) -> None:
    good, bad = table(1, 50, 0), table(2, 50, 0) + b"seven,1,red,yes,2024-01-03,a\n"
    found = prepared(here, BLOCK, put(here, good, bad, good), 400)
    (row,) = found.quarantine
    assert int(row["row"]) == 50 + 51
    assert [one["key"] for one in found.statistics["objects"]] == [
        "tiny/may/a",
        "tiny/may/b",
        "tiny/may/c",
    ]


def test_every_object_that_cannot_be_read_is_named_at_once(here: Any) -> None:
    other = b"count,size\n1,2\n"
    parts = put(here, table(1, 50, 0), b"PK\x03\x04", b"", other)

    refusal = prepared(here, BLOCK, parts, 400)

    assert "s3://raw/tiny/may/ was rejected" in refusal
    assert "s3://raw/tiny/may/b: It is neither CSV, JSON lines nor Parquet" in refusal
    assert "s3://raw/tiny/may/c: It is empty" in refusal
    assert "s3://raw/tiny/may/d: " in refusal


def test_objects_with_their_columns_in_another_order_are_refused(here: Any) -> None:
    lines = [line.split(",") for line in table(1, 50, 0).decode().splitlines()]
    turned = "".join(",".join(line[::-1]) + "\n" for line in lines).encode()

    refusal = prepared(here, BLOCK, put(here, table(1, 50, 0), turned), 400)

    assert (
        "s3://raw/tiny/may/b: Its columns are label, when, ready, colour, count, size; those of"
        " s3://raw/tiny/may/a are size, count, colour, ready, when, label."
    ) in refusal


def test_a_folder_is_another_when_an_object_in_it_is(here: Any) -> None:
    def etag(*contents: bytes, names: str = "ab") -> str:
        return folder.whole(PLACE, put(here, *contents, names=names)).etag

    one = etag(b"1", b"2")
    assert etag(b"1", b"2") == one
    assert len({one, etag(b"1", b"3"), etag(b"1"), etag(b"1", b"2", names="ac")}) == 4


def test_what_is_listed_is_read_in_order_and_markers_of_folders_are_not() -> None:
    listed = [{"Key": k, "ETag": '"e"', "Size": 3} for k in ("tiny/b", "tiny/may/", "tiny/a")]
    assert [one.key for one in folder.sources("raw", listed)] == ["tiny/a", "tiny/b"]
    assert folder.is_folder(PLACE)
    assert not folder.is_folder({"key": "tiny/a.csv"})


def test_an_empty_folder_is_refused() -> None:
    with pytest.raises(ObjectFault, match="There is no object under it"):
        folder.whole(PLACE, [])
