"""The settings that README.md and docs/endpoints show are settings that load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stacks.settings import parse

ROOT = Path(__file__).parents[3]
BASE = """
project = "shop"
environment = "prod"
region = "us-east-1"
[dataset]
name = "orders"
problem = "multiclass"
target = "kind"
[dataset.columns]
amount = "number"
kind = "category"
[training]
instance_type = "ml.m5.xlarge"
"""
# A block that shows a part of an endpoint goes with the least the endpoint needs.
NEEDED = {
    "async": 'kind = "async"\ninstance_type = "ml.m5.xlarge"',
    "realtime": 'kind = "realtime"\ninstance_type = "ml.m5.xlarge"',
}


def _blocks() -> list[object]:
    pages = [ROOT / "README.md", *sorted(ROOT.glob("docs/endpoints/*.md"))]
    return [
        pytest.param(block, id=f"{page.stem}-{number}")
        for page in pages
        for number, block in enumerate(
            re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
        )
    ]


@pytest.mark.parametrize("block", _blocks())
def test_what_the_documentation_shows_can_be_loaded(block: str, tmp_path: Path) -> None:
    if "kind =" not in block:
        for name, needed in NEEDED.items():
            if f"[endpoints.{name}" in block:
                block = block.removeprefix(f"[endpoints.{name}]\n")
                block = f"[endpoints.{name}]\n{needed}\n{block}"
    file = tmp_path / "prod.toml"
    file.write_text(BASE + block, encoding="utf-8")
    assert parse(file, environment="prod").endpoints or "[batch]" in block
