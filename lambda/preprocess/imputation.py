"""What `impute` in a declaration may say, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STRATEGIES = ("mean", "median", "none")
LARGEST = 3.4e38
Constant = float | int | str | bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """How the missing values of one column are filled; `constant` for that strategy only."""

    strategy: str
    constant: Constant | None = None


def rules(block: Mapping[str, Any]) -> dict[str, Rule]:
    """Return the rule of each column that has one; `none` is having none."""
    found = {}
    for name, value in block.items():
        if isinstance(value, Mapping):
            found[name] = Rule(strategy="constant", constant=value["constant"])
        elif value != "none":
            found[name] = Rule(strategy=value)
    return found


def faults(block: Any, kinds: Mapping[str, str], features: frozenset[str]) -> list[str]:
    """Return everything wrong with an `impute` table over features of these kinds."""
    if not isinstance(block, Mapping):
        return [f"'impute' must be a table, got {block!r}."]
    found = []
    for name, value in sorted(block.items()):
        if name not in features:
            found.append(f"'impute' names {name!r}, which is no feature.")
            continue
        kind = kinds[name]
        constant = isinstance(value, Mapping) and set(value) == {"constant"}
        if not constant and value not in STRATEGIES:
            found.append(
                f"'impute' {name} must be mean, median, none or {{constant = ...}}, got {value!r}."
            )
        elif not constant and value != "none" and kind not in ("number", "integer"):
            found.append(f"'impute' {name}: a {kind} has no {value}; use none or a constant.")
        elif constant and not _fits(value["constant"], kind):
            found.append(f"'impute' {name}: {value['constant']!r} is no {kind}.")
    return found


def _fits(value: Any, kind: str) -> bool:
    if kind == "category":
        return isinstance(value, str) and value.strip() == value != ""
    if kind == "boolean":
        return isinstance(value, bool)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not -LARGEST <= value <= LARGEST:
        return False
    return kind == "number" or float(value).is_integer()
