import json

import pytest

from ops import images


def test_the_lock_holds_every_image_wanted_in_every_region() -> None:
    locked = json.loads(images.IMAGES.read_text(encoding="utf-8"))["images"]
    wanted = sum(len(one.scopes) * len(one.processors) for one in images.WANTED)
    assert len(locked) == wanted
    for image in locked:
        assert set(image["regions"]) == set(images.REGIONS)
        for region, entry in image["regions"].items():
            assert f".dkr.ecr.{region}." in entry["uri"]


def test_a_digest_survives_a_refresh_while_its_uri_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(images, "_retrieve", lambda *said: f"account/{said[0].framework}:tag")
    monkeypatch.setattr(images, "WANTED", images.WANTED[:1])
    known = {"uri": "account/xgboost:tag", "digest": "sha256:1"}
    kept = images.images({"images": [{"regions": {"us-east-1": known}}]})
    assert kept["images"][0]["regions"]["us-east-1"] == known
    fresh = images.images({})
    assert fresh["images"][0]["regions"]["us-east-1"]["digest"] == "unresolved"


def test_the_instance_types_are_those_of_the_installed_service_model() -> None:
    locked = json.loads(images.INSTANCE_TYPES.read_text(encoding="utf-8"))
    assert locked["types"] == images.instance_types()["types"]
    assert "ml.g4dn.xlarge" in locked["types"]["hosting"]


def test_the_gpus_are_those_of_the_installed_sdk_with_its_slip_put_right() -> None:
    locked = json.loads(images.GPUS.read_text(encoding="utf-8"))
    assert locked == images.gpus()
    assert locked["types"]["ml.g5.xlarge"] == {"count": 1, "memory_mib": 24576}
    assert "ml.g5n.xlarge" not in locked["types"]
