"""Two real tables through the same code; what differs is their declaration."""

from __future__ import annotations

from typing import Any

import palmerpenguins
import pytest

PARTS = ("train", "validation", "test")
PENGUINS: dict[str, Any] = {
    "name": "penguins",
    "problem": "multiclass",
    "target": "species",
    "drop": ["year"],
    "columns": {
        "species": "category",
        "island": "category",
        "bill_length_mm": "number",
        "bill_depth_mm": "number",
        "flipper_length_mm": "integer",
        "body_mass_g": "integer",
        "sex": "category",
        "year": "integer",
    },
    "split": {"kind": "random", "train": 0.7, "validation": 0.15, "test": 0.15, "seed": 17},
}
FLIGHTS: dict[str, Any] = {
    "name": "flights",
    "problem": "binary",
    "target": "late",
    "drop": ["tailnum"],
    "columns": {
        "month": "integer",
        "carrier": "category",
        "tailnum": "text",
        "origin": "category",
        "dest": "category",
        "distance": "number",
        "time_hour": "timestamp",
        "previous_hour_temp": "number",
        "previous_hour_wind_gust": "number",
        "late": "category",
    },
    "split": {"kind": "time", "by": "time_hour", "train": 0.7, "validation": 0.15, "test": 0.15},
}


@pytest.fixture(scope="module")
def flights() -> str:
    from ops.samples import flights as sample

    text: str = sample().head(20_000).to_csv(index=False)
    return text


def test_penguins_become_three_classes_with_their_missing_values(world: Any) -> None:
    table = palmerpenguins.load_penguins()
    version = world.publish(table.to_csv(index=False), PENGUINS, key="penguins/raw.csv")

    schema = version.json("schema/schema.json")
    assert schema["target"]["classes"] == ["Adelie", "Chinstrap", "Gentoo"]
    assert schema["features"][0]["categories"] == ["Biscoe", "Dream", "Torgersen"]
    rows = [row for part in PARTS for row in version.split(part)]
    assert len(rows) == len(table) == 344
    for column, name in enumerate(["bill_length_mm", "bill_depth_mm"], 2):
        values = sorted(float(row[column]) for row in rows if row[column])
        assert values == sorted(table[name].dropna())
    assert sum(row[6] == "" for row in rows) == table["sex"].isna().sum() == 11


def test_flights_are_divided_by_time_and_those_that_never_arrived_are_set_aside(
    world: Any, flights: str
) -> None:
    version = world.publish(flights, FLIGHTS, key="flights/raw.csv")

    rows = version.result["rows"]
    assert rows["in"] == 20_000
    assert rows["in"] == sum(rows[part] for part in (*PARTS, "quarantined"))
    assert {row["reason"] for row in version.quarantine} == {"late: the target is missing"}
    assert all(row["raw"].endswith(",") for row in version.quarantine)
    names = [f["name"] for f in version.json("schema/schema.json")["features"]]
    assert names == [n for n in FLIGHTS["columns"] if n not in ("tailnum", "time_hour", "late")]


def test_the_same_flights_give_the_same_bytes(world: Any, flights: str) -> None:
    first = world.publish(flights, FLIGHTS)
    world.s3.objects.clear()
    second = world.publish(flights, FLIGHTS)

    assert second.files == first.files


def test_the_flights_sample_tells_nothing_from_after_departure(flights: str) -> None:
    header = set(flights.split("\n", 1)[0].split(","))

    assert not header & {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}
