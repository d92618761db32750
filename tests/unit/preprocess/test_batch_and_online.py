"""What a model is trained on and what it is asked with are the same numbers, row by row."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_server.encoding import Encoder
from inference_server.schema import read_schema
from preprocess import recipe
from xgboost_script.inference import encode

PARTS = ("train", "validation", "test")
IMPUTE = {
    "size": "mean",
    "count": "median",
    "colour": {"constant": "none of these"},
    "ready": {"constant": True},
}
ODD = [
    ",,,,x,no",
    "nan, 7 ,red ,YES,x,yes",
    "1e-3,5.0, blue,f,x,no",
    "-0,+5,nobody saw this,T,x,yes",
    "3.4e38,,green,0,x,no",
] * 6


@pytest.mark.parametrize("impute", [None, IMPUTE])
@pytest.mark.parametrize("server", ["ours", "managed"])
def test_batch_and_online_encode_each_row_alike(
    world: Any, table: Any, declared: Any, tmp_path: Path, impute: Any, server: str
) -> None:
    raw = table(*ODD, rows=300)
    version = world.publish(raw, declared(impute=impute))
    schema = tmp_path / "schema.json"
    schema.write_bytes(version.files["schema/schema.json"])
    features = json.loads(schema.read_text())["features"]
    published = [iter(version.split(part)) for part in PARTS]

    for number, cells in enumerate(csv.DictReader(io.StringIO(raw)), 1):
        part = recipe.place(number, 17, (0.6, 0.2, 0.2))
        batch = np.array([float(v or "nan") for v in next(published[part])[1:]], dtype=np.float32)
        asked = [[cells[feature["name"]] for feature in features]]
        if server == "ours":
            online = Encoder(read_schema(schema)).encode(asked)[0]
        else:
            online = encode(asked, features)[0]
        np.testing.assert_array_equal(online, batch, err_msg=f"row {number}: {cells}")
    assert all(next(rest, None) is None for rest in published)


def test_what_is_filled_in_is_learned_from_train_alone(
    world: Any, table: Any, declared: Any
) -> None:
    raw = table(*[f"1000000,{n},red,true,x,no" for n in range(60)], ",,red,true,x,no", rows=200)
    version = world.publish(raw, declared(impute={"size": "mean", "count": "median"}))

    known = list(csv.DictReader(io.StringIO(raw)))
    train = [row for n, row in enumerate(known, 1) if not recipe.place(n, 17, (0.6, 0.2, 0.2))]
    sizes = [float(row["size"]) for row in train if row["size"]]
    counts = [int(row["count"]) for row in train if row["count"]]
    size, count, *_ = version.json("schema/schema.json")["features"]
    assert (size["impute"], count["impute"]) == ("mean", "median")
    assert size["fill"] == pytest.approx(sum(sizes) / len(sizes), rel=1e-8)
    assert count["fill"] == float(np.median(counts))
    assert not any(v == "" for part in PARTS for row in version.split(part) for v in row[:3])
