"""Every settings file that ships can be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.settings import Realtime, load, parse

CONFIG = Path(__file__).parents[3] / "config"


@pytest.mark.parametrize("environment", sorted(path.stem for path in CONFIG.glob("*.toml")))
def test_each_environment_loads(environment: str) -> None:
    assert load(environment, CONFIG).environment == environment


@pytest.mark.parametrize("example", sorted(path.name for path in CONFIG.glob("examples/*.toml")))
def test_each_example_loads_under_its_own_name(example: str) -> None:
    file = CONFIG / "examples" / example
    assert parse(file, environment=file.stem).dataset.columns


def test_production_keeps_its_data_and_survives_the_loss_of_an_instance() -> None:
    prod = load("prod", CONFIG)
    assert prod.retain
    live = [one for one in prod.endpoints.values() if isinstance(one, Realtime)]
    assert live
    for one in live:
        assert one.min_capacity >= 2
        assert one.rollout.strategy == "canary"
