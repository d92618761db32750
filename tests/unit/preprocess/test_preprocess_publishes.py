"""What a good table becomes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from preprocess import recipe
from preprocess.s3 import S3Error

PARTS = ("train", "validation", "test")


def test_publishes_every_file_of_the_contract_and_the_manifest_last(world: Any, table: Any) -> None:
    version = world.publish(table("1,1,red,true,x,"))

    assert set(version.files) == {
        *(f"{part}/{part}.csv" for part in PARTS),
        "schema/schema.json",
        "statistics.json",
        "quarantine/rows.csv",
        "manifest.json",
    }
    assert world.s3.order[-1] == version.result["manifest"]["key"]
    manifest = version.json("manifest.json")
    prefix = f"s3://processed/tiny/{version.result['version']}/"
    assert manifest["channels"] == {name: f"{prefix}{name}/" for name in (*PARTS, "schema")}
    assert manifest["statistics"] == prefix + "statistics.json"
    assert manifest["quarantine"] == prefix + "quarantine/rows.csv"
    assert manifest["source"]["key"] == "tiny/raw.csv"
    assert manifest["rows"] == version.result["rows"]
    assert version.result["status"] == "published"


def test_names_no_quarantine_when_every_row_is_good(world: Any, table: Any) -> None:
    version = world.publish(table())

    assert version.json("manifest.json")["quarantine"] is None
    assert "quarantine/rows.csv" not in version.files


def test_splits_have_about_the_declared_sizes_and_share_no_row(world: Any, table: Any) -> None:
    version = world.publish(table(rows=5_000))

    rows = {part: version.split(part) for part in PARTS}
    shares = {part: len(found) / 5_000 for part, found in rows.items()}
    assert shares == pytest.approx({"train": 0.6, "validation": 0.2, "test": 0.2}, abs=0.02)
    counts = [row[2] for found in rows.values() for row in found]
    assert sorted(map(int, counts)) == list(range(5_000))


def test_a_rows_split_is_decided_by_its_number_and_the_seed_alone(world: Any, table: Any) -> None:
    version = world.publish(table(rows=200))

    for number, part in enumerate(PARTS):
        for row in version.split(part):
            assert recipe.place(int(row[2]) + 1, 17, (0.6, 0.2, 0.2)) == number


def test_another_seed_divides_the_rows_differently(world: Any, table: Any, declared: Any) -> None:
    first = world.publish(table(rows=200))
    seeded = world.publish(table(rows=200), declared(split=dict(declared()["split"], seed=18)))

    assert first.split("test") != seeded.split("test")


def test_rows_are_numbers_with_the_target_first_and_missing_values_empty(
    world: Any, table: Any
) -> None:
    version = world.publish(table(",,,,,yes", "-1.5,-3,nan,YES,x,no", rows=200))

    features = [f["name"] for f in version.json("schema/schema.json")["features"]]
    assert features == ["size", "count", "colour", "ready"]
    rows = [row for part in PARTS for row in version.split(part)]
    assert ["1", "", "", "", ""] in rows
    assert ["0", "-1.5", "-3", "", "1"] in rows
    assert all(value == "" or float(value) is not None for row in rows for value in row)


def test_categories_come_from_train_only_and_unseen_ones_are_missing(
    world: Any, table: Any
) -> None:
    odd = [f"1,{1000 + n},only{n},true,x,no" for n in range(30)]
    version = world.publish(table(*odd, rows=60))

    known = version.json("schema/schema.json")["features"][2]["categories"]
    train = {int(row[2]): row[3] for row in version.split("train")}
    later = {int(row[2]): row[3] for part in PARTS[1:] for row in version.split(part)}
    assert known == sorted(known)
    for count, code in train.items():
        assert (f"only{count - 1000}" in known and code != "") or count < 1000
    unseen = [count for count in later if count >= 1000]
    assert unseen
    assert all(later[count] == "" and f"only{count - 1000}" not in known for count in unseen)


def test_columns_are_found_by_name_and_extra_ones_are_left_out_and_told(
    world: Any, declared: Any
) -> None:
    lines = [f"{n % 2},a{n},{n},{n}" for n in range(30)]
    block = declared(columns={"size": "number", "label": "category"}, drop=None)
    version = world.publish("\n".join(["label, id ,size,size2", *lines]), block)

    assert version.json("statistics.json")["ignored"] == ["id", "size2"]
    assert all(len(row) == 2 for part in PARTS for row in version.split(part))


def test_a_time_split_puts_the_latest_rows_in_test(world: Any, declared: Any) -> None:
    days = [f"2024-01-{day:02}T00:00:00Z,{day},{day % 2}" for day in range(30, 0, -1)]
    block = declared(
        columns={"at": "timestamp", "size": "number", "label": "category"},
        drop=None,
        split={"kind": "time", "by": "at", "train": 0.6, "validation": 0.2, "test": 0.2},
    )
    version = world.publish("\n".join(["at,size,label", *days, "soon,1,1"]), block)

    found = {part: {int(float(row[1])) for row in version.split(part)} for part in PARTS}
    assert found["train"] == set(range(1, 19))
    assert found["validation"] == set(range(19, 25))
    assert found["test"] == set(range(25, 31))
    assert version.quarantine[0]["reason"] == "at: not an ISO 8601 time ('soon')"


def test_a_regression_target_stays_a_number(world: Any, declared: Any) -> None:
    block = declared(
        problem="regression", target="y", drop=None, columns={"x": "integer", "y": "number"}
    )
    lines = [f"{n},{n * 0.25}" for n in range(40)]
    version = world.publish("\n".join(["x,y", *lines, "1,inf"]), block)

    assert version.json("schema/schema.json")["target"] == {"name": "y", "classes": None}
    assert all(float(row[0]) == int(row[1]) / 4 for row in version.split("train"))
    assert version.json("statistics.json")["target"]["by_split"]["train"]["count"] == len(
        version.split("train")
    )
    assert [row["reason"] for row in version.quarantine] == [
        "y: not a finite 32-bit number ('inf')"
    ]


def test_classes_that_are_numbers_keep_their_order(world: Any, declared: Any) -> None:
    block = declared(
        problem="multiclass", drop=None, columns={"size": "number", "label": "category"}
    )
    lines = [f"{n},{(2, 10, 9)[n % 3]}" for n in range(60)]
    version = world.publish("\n".join(["size,label", *lines]), block)

    assert version.json("schema/schema.json")["target"]["classes"] == ["2", "9", "10"]


def test_statistics_describe_the_good_rows(world: Any, table: Any) -> None:
    version = world.publish(table(",,,,,yes", "x,1,red,true,,no", rows=100))

    statistics = version.json("statistics.json")
    size = statistics["columns"]["size"]
    assert (size["count"], size["missing"], size["distinct"]) == (101, 1, 100)
    assert (size["min"], size["max"], size["mean"]) == (0.0, 24.75, 12.375)
    assert size["std"] == pytest.approx(7.21651, abs=1e-5)
    assert size["quantiles"]["0.5"] == pytest.approx(12.375, abs=0.25)
    assert statistics["columns"]["colour"]["top"][0] == {"value": "red", "count": 34}
    by_split = statistics["target"]["by_split"]
    assert sum((Counter(found) for found in by_split.values()), Counter()) == {"no": 60, "yes": 41}
    assert statistics["quarantined"] == {"size: not a finite 32-bit number": 1}
    assert statistics["dropped"] == ["note"]


def test_the_same_object_is_published_once(world: Any, table: Any) -> None:
    first = world.publish(table())
    written = list(world.s3.order)
    second = world.publish(table())

    assert second.result["status"] == "unchanged"
    assert second.result["rows"] == first.result["rows"]
    assert second.files == first.files
    assert world.s3.order == written


def test_a_run_that_stopped_before_the_manifest_is_made_whole(world: Any, table: Any) -> None:
    first = world.publish(table())
    key = first.result["manifest"]["key"]
    del world.s3.objects["processed", key]
    world.s3.objects["processed", key.replace("manifest.json", "train/train.csv")] = b"half"

    again = world.publish(table())

    assert again.result["status"] == "published"
    assert again.files == first.files


def test_a_second_run_of_the_same_version_never_replaces_its_manifest(
    world: Any, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.publish(table())
    key = first.result["manifest"]["key"]
    world.s3.objects["processed", key] = world.s3.objects["processed", key] + b" "
    # As for two at once: the second looks before the first has written its manifest.
    monkeypatch.setattr("preprocess.publish.Publication.published", lambda _: None)

    second = world.publish(table())

    assert second.result["status"] == "unchanged"
    assert world.s3.objects["processed", key].endswith(b" ")


def test_a_changed_object_declaration_or_code_is_a_new_version(
    world: Any, table: Any, declared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = [
        world.publish(table()).result["version"],
        world.publish(table(rows=41)).result["version"],
        world.publish(table(), declared(drop=["note", "ready"])).result["version"],
    ]
    monkeypatch.setattr("preprocess.publish.code_version", lambda: "new code")
    versions.append(world.publish(table()).result["version"])

    assert len(set(versions)) == 4
    assert all(len(version) == 16 and int(version, 16) >= 0 for version in versions)


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_an_object_replaced_while_it_is_read_fails_and_publishes_nothing(
    world: Any, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = world.s3.head
    older = {"etag": "older"}
    monkeypatch.setattr(world.s3, "head", lambda *a, **k: replace(head(*a, **k), **older))

    with pytest.raises(S3Error, match="PreconditionFailed"):
        world.publish(table())

    assert world.s3.order == []


@pytest.mark.parametrize("key", ["tiny/a b+c ü.csv", "tiny/../x.csv", "tiny/2024/01/x.csv"])
def test_takes_the_key_as_it_is(world: Any, table: Any, key: str) -> None:
    version = world.publish(table(), key=key)

    assert version.json("manifest.json")["source"]["key"] == key
