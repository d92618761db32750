"""Training settings: what the image would refuse is refused at synth, word for word."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from stacks.settings import SettingsError, Training, hyperparameters, parse
from training_job import rules
from training_job.failure import TrainingError

TABLE = str(Path(__file__).parents[3] / "containers" / "trainer" / "hyperparameters.py")
TEXT = """
project = "shop"
environment = "local"
region = "eu-west-1"
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


def faults(folder: Path, lines: str) -> list[str]:
    (folder / "local.toml").write_text(TEXT + lines)
    with pytest.raises(SettingsError) as refused:
        parse(folder / "local.toml")
    return refused.value.faults


def training(folder: Path, lines: str) -> Training:
    (folder / "local.toml").write_text(TEXT + lines)
    return parse(folder / "local.toml").training


def test_names_every_hyperparameter_that_the_image_would_refuse(tmp_path: Path) -> None:
    said = faults(
        tmp_path,
        '[training.hyperparameters]\nmax_dept = 3\neta = "fast"\nsubsample = 1.5\n'
        'objective = "reg:squarederror"\nnum_round = 2.5\nenable_categorical = "maybe"',
    )
    assert said == [
        'training.hyperparameters: enable_categorical = "maybe", allowed is true or false; eta ='
        ' "fast", allowed is a number above 0 to 1; max_dept is unknown to trainer; did you mean'
        ' max_depth?; num_round = "2.5", allowed is a whole number from 1 to 100000; objective ='
        ' "reg:squarederror", allowed is binary:logistic; subsample = "1.5", allowed is a number'
        " above 0 to 1"
    ]


@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
def test_synth_and_the_image_read_the_table_alike(problem: str) -> None:
    table = rules.table(TABLE)
    edges = {
        str(bound)
        for rule in table.values()
        for key in ("from", "above", "to")
        if key in rule
        for bound in (rule[key], rule[key] - 1, rule[key] + 1, rule[key] + 0.5)
    }
    words = {one for r in table.values() for one in _words(r)} | {"x", "", "nan", "inf"}
    for name, value in itertools.product([*table, "unknown"], sorted(edges | words)):
        refused = ""
        try:
            rules.parse(table, {name: value}, problem)
        except TrainingError as fault:
            refused = str(fault)
        said = hyperparameters.faults("trainer", {name: value}, problem)
        assert bool(refused) == bool(said), (name, value, refused, said)


def _words(rule: Any) -> list[str]:
    values = rule.get("values", [])
    return [w for some in values.values() for w in some] if isinstance(values, dict) else values


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            'container = "mine"',
            'training.container = "mine": must be "trainer" or "torch_trainer"',
        ),
        ("instance_count = 0", "training.instance_count = 0: must be at least 1"),
        (
            'checkpoint_prefix = "/a/"',
            'training.checkpoint_prefix = "/a/": must be a key prefix without slashes around it,'
            " like checkpoints",
        ),
        (
            'checkpoint_prefix = "training/x"',
            'training.checkpoint_prefix = "training/x": models are under training/: choose another'
            " prefix",
        ),
    ],
)
def test_refuses(tmp_path: Path, lines: str, said: str) -> None:
    assert faults(tmp_path, lines) == [said]


def test_spot_and_several_instances_are_settings(tmp_path: Path) -> None:
    asked = training(tmp_path, "spot = true\nmax_wait_minutes = 90\ninstance_count = 3")
    assert (asked.spot, asked.max_wait_minutes, asked.instance_count) == (True, 90, 3)
    assert asked.checkpoint_prefix == "checkpoints"


def test_a_pickle_is_trusted_by_its_whole_sha256_or_not_at_all(tmp_path: Path) -> None:
    digest = "0123456789abcdef" * 4
    assert training(tmp_path, f'trusted_pickles = ["{digest}"]').trusted_pickles == [digest]
    assert training(tmp_path, "").trusted_pickles == []
    for wrong in (f'["{digest[1:]}"]', f'["{digest.upper()}"]', '["*"]', '["model.pkl"]'):
        [said] = faults(tmp_path, f"trusted_pickles = {wrong}")
        assert said.startswith("training.trusted_pickles")
        assert "a sha256, 64 digits of hex" in said
    many = ", ".join([f'"{digest}"'] * 16)
    assert "at most 15" in faults(tmp_path, f"trusted_pickles = [{many}]")[0]
