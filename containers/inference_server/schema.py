"""The columns a model takes and the labels it gives, as training left them beside the model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from inference_server.errors import ModelLoadError

FORMAT = 1
FeatureType = Literal["number", "integer", "category", "boolean", "text"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """One column of a request."""

    name: str
    type: FeatureType
    categories: tuple[str, ...] = ()
    required: bool = False
    fill: float | None = None  # what a missing value becomes; training fitted it


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """All columns in the model's order; `classes` is empty for a regression."""

    features: tuple[Feature, ...]
    classes: tuple[str, ...] = ()

    def filled(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same rows, missing values replaced in place as training's were."""
        for index, feature in enumerate(self.features):
            if feature.fill is not None:
                column = matrix[:, index]
                column[np.isnan(column)] = feature.fill
        return matrix


def read_schema(path: Path) -> Schema:
    """The schema in a `schema.json`.

    Raises:
        ModelLoadError: it is not JSON or does not describe a model's columns.
    """
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        fault = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelLoadError(f"schema.json cannot be used: {fault}") from error


def _parse(content: dict[str, Any]) -> Schema:
    if content.get("format") != FORMAT:
        raise ValueError(f"format is {content.get('format')!r}, this server reads {FORMAT}")
    features = tuple(
        Feature(
            name=feature["name"],
            type=feature["type"],
            categories=tuple(feature.get("categories") or ()),
            required=bool(feature.get("required", False)),
            fill=None if feature.get("fill") is None else float(feature["fill"]),
        )
        for feature in content["features"]
    )
    for feature in features:
        if feature.type not in get_args(FeatureType):
            raise ValueError(f"feature {feature.name} has the unknown type {feature.type!r}")
    if not features:
        raise ValueError("there are no features")
    return Schema(features=features, classes=tuple(content["target"].get("classes") or ()))
