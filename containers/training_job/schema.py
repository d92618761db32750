"""What the columns of the training data mean, as preprocessing declared it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from training_job.failure import TrainingError

Problem = Literal["binary", "multiclass", "regression"]
FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """The features in column order, the target, and the kind of problem."""

    problem: Problem
    target: str
    classes: tuple[str, ...]
    """The label of each target code; empty for regression."""
    features: tuple[str, ...]
    categories: tuple[int | None, ...]
    """How many codes each feature has; None for a feature that is not a category."""

    @property
    def class_count(self) -> int:
        return len(self.classes)


def read_schema(folder: Path) -> Schema:
    """The schema in `folder/schema.json`.

    Raises:
        TrainingError: the file is missing, is not JSON, or does not describe a dataset.
    """
    path = folder / "schema.json"
    if not path.is_file():
        raise TrainingError(
            "channel schema holds no schema.json; give the folder that preprocessing wrote beside "
            "train/ (channel name: schema)"
        )
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        fault = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise TrainingError(f"schema.json cannot be used: {fault}") from error


def _parse(content: dict[str, Any]) -> Schema:
    if content.get("format") != FORMAT:
        raise ValueError(f"format is {content.get('format')!r}, this trainer reads {FORMAT}")
    problem = content["problem"]
    if problem not in get_args(Problem):
        raise ValueError(f"problem is {problem!r}, allowed: {', '.join(get_args(Problem))}")
    classes = tuple(str(label) for label in content["target"].get("classes") or ())
    if problem == "binary" and len(classes) != 2:
        raise ValueError(f"a binary target has 2 classes, this one has {len(classes)}")
    if problem == "multiclass" and len(classes) < 3:
        raise ValueError(f"a multiclass target has 3 classes or more, this one has {len(classes)}")
    if not content["features"]:
        raise ValueError("there are no features")
    return Schema(
        problem=problem,
        target=content["target"]["name"],
        classes=classes,
        features=tuple(str(feature["name"]) for feature in content["features"]),
        categories=tuple(
            len(feature["categories"]) if feature["type"] == "category" else None
            for feature in content["features"]
        ),
    )
