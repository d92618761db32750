"""Hyperparameters checked at synth by the table that the training image itself goes by."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stacks.settings.base import any_of

# Data, not code: an image's package is not ours to import. A test holds both readings together.
CONTAINERS = Path(__file__).resolve().parents[2] / "containers"
Rule = Mapping[str, Any]


def faults(container: str, values: Mapping[str, str], problem: str | None) -> list[str]:
    """A sentence for each hyperparameter that `container` would refuse; none for good ones.

    Without a problem, what is allowed for any kind of problem passes.
    """
    table = CONTAINERS / container / "hyperparameters.toml"
    rules: dict[str, Rule] = tomllib.loads(table.read_text(encoding="utf-8"))
    found = []
    for name, value in sorted(values.items()):
        if name not in rules:
            near = difflib.get_close_matches(name, rules, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {any_of(sorted(rules))}"
            found.append(f"{name} is unknown to {container}; {hint}")
        elif not _good(rules[name], value, problem):
            found.append(f'{name} = "{value[:60]}", allowed is {_allowed(rules[name], problem)}')
    return found


def _choices(rule: Rule, problem: str | None) -> list[str]:
    values = rule["values"]
    if not isinstance(values, Mapping):
        return list(values)
    if problem in values:
        return list(values[problem])
    return [one for some in values.values() for one in some]


def _good(rule: Rule, value: str, problem: str | None) -> bool:
    if rule["kind"] == "choice":
        return value in _choices(rule, problem)
    if rule["kind"] == "flag":
        return value.lower() in ("true", "false", "1", "0")
    try:
        number = float(value)
    except ValueError:
        return False
    whole = rule["kind"] != "whole" or (math.isfinite(number) and number == math.floor(number))
    low = number > rule["above"] if "above" in rule else number >= rule["from"]
    return whole and low and number <= rule.get("to", math.inf)


def _allowed(rule: Rule, problem: str | None) -> str:
    if rule["kind"] == "choice":
        return any_of(_choices(rule, problem))
    if rule["kind"] == "flag":
        return "true or false"
    noun = "a whole number" if rule["kind"] == "whole" else "a number"
    low = f"above {rule['above']:g}" if "above" in rule else f"from {rule['from']:g}"
    return f"{noun} {low}" + (f" to {rule['to']:g}" if "to" in rule else "")
