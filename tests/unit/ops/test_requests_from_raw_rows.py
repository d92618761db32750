"""`make local` asks its endpoints about rows of the raw file that preprocessing took."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.errors import OpsError
from ops.local import sample

MANIFEST = {
    "bucket": "processed",
    "key": "shop/1/manifest.json",
    "uri": "s3://processed/shop/1/manifest.json",
}
FEATURES = [
    {"name": "size", "type": "number", "required": False},
    {"name": "colour", "type": "category", "categories": ["red"], "required": False},
]


@pytest.fixture
def published(services: dict[str, Any]) -> dict[str, str]:
    """The objects of a published version; its quarantine lies elsewhere when a test says so."""
    objects = {
        "shop/1/manifest.json": json.dumps({"quarantine": None}),
        "shop/1/schema/schema.json": json.dumps({"features": FEATURES}),
    }

    def get(Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert Bucket == "processed"
        return {"Body": io.BytesIO(objects[Key].encode())}

    services["s3"] = SimpleNamespace(get_object=get)
    return objects


def test_requests_hold_the_features_in_the_models_order_and_no_target(
    published: dict[str, str], tmp_path: Path
) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text("bought,colour,size\nyes,red,1.5\nno,,NaN\n")
    made = sample.requests(raw, MANIFEST, tmp_path / "not" / "there" / "yet")
    assert made.csv.read_text() == made.batch.read_text() == "1.5,red\nNaN,\n"
    assert json.loads(made.json.read_text()) == {
        "instances": [{"size": 1.5, "colour": "red"}, {"size": None, "colour": None}]
    }


def test_rows_that_were_set_aside_are_not_asked_about(
    published: dict[str, str], tmp_path: Path
) -> None:
    """By their lines: a record of several lines, and a broken one that is no record at all."""
    published["shop/1/manifest.json"] = json.dumps(
        {"quarantine": "s3://processed/shop/1/quarantine/rows.csv"}
    )
    published["shop/1/quarantine/rows.csv"] = (
        'row,line,reason,raw\n2,3,size: not a number,"far,""a\nb"""\n4,6,broken quoting,"""x,1"\n'
    )
    raw = tmp_path / "raw.csv"
    raw.write_bytes(b'size,colour\r\n1,red\r\nfar,"a\r\nb"\r\n2,red\r\n"x,1\r\n3,\r\n')
    made = sample.requests(raw, MANIFEST, tmp_path)
    assert made.batch.read_text() == "1,red\n2,red\n3,\n"


def test_a_file_without_the_models_columns_is_refused(
    published: dict[str, str], tmp_path: Path
) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text("bought,size\nyes,1\n")
    with pytest.raises(OpsError, match=r"raw\.csv has no column colour"):
        sample.requests(raw, MANIFEST, tmp_path)
