"""`[image] digests = "required"`: nothing is synthesised whose bytes nobody has looked up."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagemaker_workflow.managed_images import LOCK
from stacks import digests
from stacks.errors import UserError
from stacks.images import Images
from stacks.settings import Settings, load, parse

ROOT = Path(__file__).parents[3]
TEXT = """
project = "shop"
environment = "prod"
region = "us-east-1"
[dataset]
name = "orders"
problem = "binary"
target = "late"
[dataset.columns]
amount = "number"
late = "boolean"
[training]
instance_type = "ml.m5.xlarge"
"""
SPARK = "\n[preprocessing.spark]\ninstance_type = 'ml.m5.xlarge'\ninstance_count = 2\n"


def settings(folder: Path, lines: str = "") -> Settings:
    file = folder / "prod.toml"
    file.write_text(f'{TEXT}[image]\ndigests = "required"\n{lines}')
    return parse(file, environment="prod")


def images(folder: Path, **bases: str) -> Images:
    for name, base in bases.items():
        (folder / "containers" / name).mkdir(parents=True)
        (folder / "containers" / name / "Dockerfile").write_text(f"ARG BASE={base}\nFROM ${{BASE}}")
        (folder / "containers" / name / "requirements.in").touch()
    return Images.of(folder / "containers")


def test_names_every_base_and_aws_image_without_a_digest_and_the_command(tmp_path: Path) -> None:
    assert "unresolved" in LOCK.read_text(encoding="utf-8")
    made = images(tmp_path, server="python:3.11", trainer=f"python:3.11@sha256:{'0' * 64}")
    with pytest.raises(UserError) as refused:
        digests.require(settings(tmp_path, SPARK), made)
    said = str(refused.value).splitlines()
    assert said[0] == (
        'config/prod.toml has [image] digests = "required", but of 2 images nobody has looked up'
        " the digest"
    )
    assert said[1] == "  containers/server/Dockerfile: BASE is python:3.11"
    assert said[2].startswith("  preprocessing.spark: images.lock.json has ")
    assert said[2].endswith(" as unresolved")
    assert said[3].startswith("what to do: make pin,")


def test_images_that_all_have_one_are_let_pass(tmp_path: Path) -> None:
    digests.require(settings(tmp_path), images(tmp_path, server=f"python@sha256:{'0' * 64}"))


def test_production_requires_them_and_a_laptop_does_not() -> None:
    assert load("prod", ROOT / "config").image.digests == "required"
    assert load("local", ROOT / "config").image.digests == "when-known"
