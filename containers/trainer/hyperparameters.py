"""Hyperparameters: SageMaker's strings checked and turned into what XGBoost takes."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from trainer.failure import TrainingError
from trainer.schema import Problem

# Only objectives whose ONNX form was checked to agree with XGBoost; `reg:logistic`, for one,
# converts to a model that answers something else.
OBJECTIVES: dict[Problem, tuple[str, ...]] = {
    "binary": ("binary:logistic",),
    "multiclass": ("multi:softprob",),
    "regression": (
        "reg:squarederror",
        "reg:absoluteerror",
        "count:poisson",
        "reg:gamma",
        "reg:tweedie",
    ),
}
# SageMaker and its toolkits add these; they are not ours to judge.
_RESERVED = ("sagemaker_", "_tuning_objective_metric", "_kfold", "_num_kfold")


@dataclass(frozen=True, slots=True)
class _Number:
    low: float
    high: float = math.inf
    kind: Literal["int", "float"] = "float"
    open_low: bool = False

    def parse(self, text: str) -> int | float:
        value = float(text)
        if self.kind == "int" and value != math.floor(value):
            raise ValueError
        if not (value > self.low if self.open_low else value >= self.low) or not value <= self.high:
            raise ValueError
        return int(value) if self.kind == "int" else value

    def __str__(self) -> str:
        noun = "a whole number" if self.kind == "int" else "a number"
        low = f"above {self.low:g}" if self.open_low else f"from {self.low:g}"
        return f"{noun} {low}" + ("" if math.isinf(self.high) else f" to {self.high:g}")


@dataclass(frozen=True, slots=True)
class _Choice:
    values: tuple[str, ...]

    def parse(self, text: str) -> str:
        if text not in self.values:
            raise ValueError
        return text

    def __str__(self) -> str:
        return " or ".join(self.values)


@dataclass(frozen=True, slots=True)
class _Flag:
    def parse(self, text: str) -> bool:
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]

    def __str__(self) -> str:
        return "true or false"


_LOOP: dict[str, _Number | _Choice | _Flag] = {
    "num_round": _Number(1, 100_000, "int"),
    "early_stopping_rounds": _Number(0, 100_000, "int"),
    "log_period": _Number(1, 100_000, "int"),
    "enable_categorical": _Flag(),
}
_BOOSTER: dict[str, _Number | _Choice | _Flag] = {
    "seed": _Number(0, 2**31 - 1, "int"),
    "nthread": _Number(1, 1024, "int"),
    "eta": _Number(0, 1, open_low=True),
    "gamma": _Number(0),
    "max_depth": _Number(1, 32, "int"),
    "min_child_weight": _Number(0),
    "max_delta_step": _Number(0),
    "subsample": _Number(0, 1, open_low=True),
    "colsample_bytree": _Number(0, 1, open_low=True),
    "colsample_bylevel": _Number(0, 1, open_low=True),
    "colsample_bynode": _Number(0, 1, open_low=True),
    "lambda": _Number(0),
    "alpha": _Number(0),
    "scale_pos_weight": _Number(0, open_low=True),
    "max_leaves": _Number(0, 65_536, "int"),
    "max_bin": _Number(2, 65_536, "int"),
    "max_cat_to_onehot": _Number(1, 65_536, "int"),
    "max_cat_threshold": _Number(1, 65_536, "int"),
    "grow_policy": _Choice(("depthwise", "lossguide")),
    "tree_method": _Choice(("hist",)),
    "booster": _Choice(("gbtree",)),
    "tweedie_variance_power": _Number(1, 2, open_low=True),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Hyperparameters:
    """Checked settings of one training run."""

    num_round: int = 200
    early_stopping_rounds: int | None = None
    """None: 20 when there is a validation channel. 0: no early stopping."""
    log_period: int = 10
    """Rounds between two progress lines."""
    enable_categorical: bool = False
    """Split categories as sets, not by code. Each set becomes a chain of comparisons in ONNX, so
    only features with few categories can have it."""
    booster: Mapping[str, Any] = field(default_factory=dict)
    """What XGBoost is given as it is, objective included."""


def parse(values: Mapping[str, str], problem: Problem) -> Hyperparameters:
    """The hyperparameters of a job, or one message with everything that is wrong with them.

    Raises:
        TrainingError: unknown names, values of the wrong type or out of range.
    """
    rules = {**_LOOP, **_BOOSTER, "objective": _Choice(OBJECTIVES[problem])}
    parsed: dict[str, Any] = {}
    faults: list[str] = []
    for name, raw in sorted(values.items()):
        if name.startswith(_RESERVED):
            continue
        text = _decode(raw)
        if name not in rules:
            near = difflib.get_close_matches(name, rules, n=1)
            faults.append(f"{name} is unknown" + (f", did you mean {near[0]}?" if near else ""))
            continue
        try:
            parsed[name] = rules[name].parse(text)
        except (ValueError, KeyError, OverflowError):
            faults.append(f"{name} is {text[:60]!r}, allowed: {rules[name]}")
    if faults:
        raise TrainingError("hyperparameters: " + "; ".join(faults))
    loop = {name: parsed.pop(name) for name in _LOOP if name in parsed}
    booster = {
        "objective": OBJECTIVES[problem][0],
        "tree_method": "hist",
        "seed": 17,
        **parsed,
    }
    return Hyperparameters(**loop, booster=booster)


def _decode(raw: str) -> str:
    # The SDK sends strings JSON-encoded ("\"hist\""), the console and boto3 users send them bare.
    text = raw.strip()
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text
