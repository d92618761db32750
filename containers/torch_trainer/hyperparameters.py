"""Hyperparameters: SageMaker's strings, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training_job import rules
from training_job.schema import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Hyperparameters:
    """Checked settings of one training run."""

    task: str = "tabular"
    epochs: int = 30
    batch_size: int = 512
    """Rows of one step on each process."""
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    dropout: float = 0.1
    hidden: int = 128
    """Width of a table's hidden layers."""
    layers: int = 2
    """How many hidden layers a table's network has."""
    early_stopping_epochs: int = 5
    """0, or no validation channel: all epochs are run."""
    checkpoint_period: int = 1
    """Epochs between two checkpoints. 0: none are written."""
    max_length: int = 128
    """Tokens of a text that are read."""
    amp: bool = True
    """Mixed precision, on a GPU."""
    processes: int | None = None
    """On each instance. None: one a GPU, or one."""
    seed: int = 17


def parse(values: Mapping[str, str], problem: Problem) -> Hyperparameters:
    """The hyperparameters of a job.

    Raises:
        TrainingError: with everything that is wrong with them.
    """
    return Hyperparameters(**rules.parse(rules.table(__file__), values, problem))
