"""Hyperparameters: SageMaker's strings checked and turned into what XGBoost takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from training_job import rules
from training_job.schema import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Hyperparameters:
    """Checked settings of one training run."""

    num_round: int = 200
    early_stopping_rounds: int | None = None
    """None: 20 when there is a validation channel. 0: no early stopping."""
    log_period: int = 10
    """Rounds between two progress lines."""
    checkpoint_period: int = 10
    """Rounds between two checkpoints. 0: none are written."""
    enable_categorical: bool = False
    """Split categories as sets, not by code. Each set becomes a chain of comparisons in ONNX, so
    only features with few categories can have it."""
    booster: Mapping[str, Any] = field(default_factory=dict)
    """What XGBoost is given as it is, objective included."""


def parse(values: Mapping[str, str], problem: Problem) -> Hyperparameters:
    """The hyperparameters of a job.

    Raises:
        TrainingError: with everything that is wrong with them.
    """
    table = rules.table(__file__)
    parsed = rules.parse(table, values, problem)
    own = {name: value for name, value in parsed.items() if table[name]["use"] == "loop"}
    booster = {
        "objective": rules.choices(table["objective"], problem)[0],
        "tree_method": "hist",
        "seed": 17,
        **{name: value for name, value in parsed.items() if name not in own},
    }
    return Hyperparameters(**own, booster=booster)
