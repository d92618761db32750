"""What a model of tables is made of: a library's model, and what makes its input of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Engine(Protocol):
    """A loaded model and what it says about itself."""

    file: str
    """What messages call it."""
    columns: int | None
    """How many it takes; None where it does not say."""
    classifies: bool
    classes: int | None

    def run(self, matrix: NDArray[Any]) -> NDArray[np.float32]:
        """Probabilities [rows, classes], or values [rows, outputs], of float32 [rows, columns]."""
        ...


class RowEncoder(Protocol):
    """What makes an engine's input of rows of raw values."""

    def encode(self, rows: Sequence[Sequence[Any]]) -> NDArray[Any]: ...
