"""The columns of a model of tables."""

from __future__ import annotations

from pathlib import Path

from inference_server.errors import ModelLoadError
from inference_server.models.engine import Engine
from inference_server.models.files import TOKENIZER
from inference_server.schema import Feature, Schema, read_schema


def schema_of(folder: Path, engine: Engine, *, texts: bool) -> Schema:
    """What schema.json says, else as many numbers as the engine takes; with `texts` one text.

    Raises ModelLoadError when they do not agree.
    """
    schema = _found(folder, engine)
    _refuse_types(schema, texts=texts)
    return schema


def _found(folder: Path, engine: Engine) -> Schema:
    path = folder / "schema.json"
    columns = engine.columns
    if not path.is_file():
        if columns is None:
            raise ModelLoadError(
                f"{engine.file} does not say how many columns it takes, and there is no schema.json"
            )
        return Schema(
            features=tuple(Feature(name=f"f{i}", type="number") for i in range(columns)),
            classes=tuple(map(str, range(engine.classes or 0))) if engine.classifies else (),
        )
    schema = read_schema(path)
    if columns is not None and columns != len(schema.features):
        raise ModelLoadError(
            f"{engine.file} takes {columns} columns, schema.json names {len(schema.features)}"
        )
    return schema


def _refuse_types(schema: Schema, *, texts: bool) -> None:
    """Raise ModelLoadError for columns that are not the model's kind."""
    found = [feature.name for feature in schema.features if feature.type == "text"]
    if texts and not len(found) == len(schema.features) == 1:
        names = ", ".join(feature.name for feature in schema.features)
        raise ModelLoadError(
            f"a model with {TOKENIZER} reads one column of type text; schema.json has {names}"
        )
    if found and not texts:
        raise ModelLoadError(
            f"schema.json has the column {found[0]} of type text, which only a PyTorch model with "
            f"{TOKENIZER} reads"
        )


def example_of(schema: Schema) -> dict[str, str | float | bool]:
    """A row of raw values that any model of these columns can predict."""
    return {feature.name: _example(feature) for feature in schema.features}


def _example(feature: Feature) -> str | float | bool:
    if feature.type == "category":
        return feature.categories[0] if feature.categories else ""
    if feature.type == "text":
        return "a text"
    return False if feature.type == "boolean" else 0
