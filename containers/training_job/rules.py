"""An image's table of hyperparameters, and a job's strings checked against it."""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training_job.failure import TrainingError

Rule = Mapping[str, Any]
Rules = Mapping[str, Rule]
# SageMaker and its toolkits add these; they are not ours to judge.
_RESERVED = ("sagemaker_", "_tuning_objective_metric", "_kfold", "_num_kfold")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def table(of: str) -> Rules:
    """Every hyperparameter's rule by its name, from the table beside the module file `of`."""
    return tomllib.loads(Path(of).with_name("hyperparameters.toml").read_text(encoding="utf-8"))


def parse(rules: Rules, values: Mapping[str, str], problem: str) -> dict[str, Any]:
    """The values by name.

    Raises:
        TrainingError: unknown names, values of the wrong type or out of range: all of them.
    """
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
            parsed[name] = _value(rules[name], text, problem)
        except (ValueError, KeyError, OverflowError):
            faults.append(f"{name} is {text[:60]!r}, allowed: {allowed(rules[name], problem)}")
    if faults:
        raise TrainingError("hyperparameters: " + "; ".join(faults))
    return parsed


def choices(rule: Rule, problem: str) -> list[str]:
    """What a choice may be, for this kind of problem."""
    values = rule["values"]
    return list(values[problem] if isinstance(values, Mapping) else values)


def allowed(rule: Rule, problem: str) -> str:
    """The rule as the end of a sentence."""
    if rule["kind"] == "flag":
        return "true or false"
    if rule["kind"] == "choice":
        return " or ".join(choices(rule, problem))
    noun = "a whole number" if rule["kind"] == "whole" else "a number"
    low = f"above {rule['above']:g}" if "above" in rule else f"from {rule['from']:g}"
    return f"{noun} {low}" + (f" to {rule['to']:g}" if "to" in rule else "")


def _value(rule: Rule, text: str, problem: str) -> Any:
    kind = rule["kind"]
    if kind == "flag":
        return _FLAGS[text.lower()]
    if kind == "choice":
        if text not in choices(rule, problem):
            raise ValueError
        return text
    value = float(text)
    high_enough = value > rule["above"] if "above" in rule else value >= rule["from"]
    if not high_enough or not value <= rule.get("to", math.inf):
        raise ValueError
    if kind == "number":
        return value
    if value != math.floor(value):
        raise ValueError
    return int(value)


def _decode(raw: str) -> str:
    # The SDK sends strings JSON-encoded ("\"hist\""), the console and boto3 users send them bare.
    text = raw.strip()
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text
