"""Serves a training job's `model.json` on AWS's own XGBoost image, answering as our image does.

The archive (`.tar.gz`) that the endpoint is given holds, at its root:

    model.json, schema.json    as containers/trainer leaves them
    code/inference.py          this file

and the model's environment names the script, which `ModelData.from_bucket(bucket, key,
script="inference.py")` sees to: without SAGEMAKER_PROGRAM the image serves the bare model, which
takes codes in place of names. Requests and answers are those of containers/inference_server.

It imports what the image holds (numpy, xgboost) and the standard library, needs no network, and
reads XGBoost's JSON only, never a pickle. Python 3.8 and newer, because the older images are. The
image's XGBoost must not be older than the trainer's: choose `xgboost 3.2-0`.
"""

# ruff: noqa: B905  zip(strict=) is newer than the Python of the older images

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

try:  # what AWS's image turns into a status; elsewhere any exception with a status_code will do
    from sagemaker_inference.errors import BaseInferenceToolkitError
except ImportError:

    class BaseInferenceToolkitError(Exception):  # type: ignore[no-redef]
        """A fault with the HTTP status it is answered with."""

        def __init__(self, status_code: int, message: str, phrase: str) -> None:
            super().__init__(message)
            self.status_code, self.message, self.phrase = status_code, message, phrase


CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
LARGEST = float(np.finfo(np.float32).max)
EXACT = 2.0**53  # above it not every whole number has a float
INTEGERS = range(-(2**63), 2**63)
ALLOWED = {
    "number": "a number or nothing",
    "integer": "a whole number or nothing",
    "boolean": "true, false, 1, 0 or nothing",
    "category": "text or nothing",
}


class Model:
    """A booster and the columns it was trained on."""

    def __init__(self, booster: Any, schema: dict[str, Any]) -> None:
        self.booster = booster
        self.features = schema["features"]
        self.classes = schema["target"].get("classes")


def model_fn(model_dir: str) -> Model:
    """The model of the archive; FileNotFoundError says what an archive must hold."""
    folder = Path(model_dir)
    missing = [name for name in ("model.json", "schema.json") if not (folder / name).is_file()]
    if missing:
        found = sorted(path.name for path in folder.iterdir() if path.is_file())
        raise FileNotFoundError(
            f"the archive holds no {' and no '.join(missing)}, found: {', '.join(found)}; needed:"
            " model.json and schema.json of a training job (a pickle is never loaded)"
        )
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(folder / "model.json")
    return Model(booster, json.loads((folder / "schema.json").read_text(encoding="utf-8")))


def transform_fn(model: Model, data: Any, content_type: str, accept: str) -> tuple[str, str]:
    """The answer to a request, and its content type."""
    kind = _media_type(content_type)
    wanted = _media_type(accept)
    wanted = JSON if wanted in ("", "*/*", "application/*") else wanted
    if wanted not in (CSV, JSON, JSON_LINES):
        raise _refused(406, f"accept {accept} is not one of {CSV}, {JSON}, {JSON_LINES}")
    try:
        text = data if isinstance(data, str) else bytes(data).decode("utf-8")
        matrix = encode(_rows(text, kind, [one["name"] for one in model.features]), model.features)
    except ValueError as fault:  # a UnicodeDecodeError is one
        raise _refused(400, str(fault)) from None
    return _written(_predicted(model, matrix), model.classes, wanted), wanted


def encode(rows: list[list[Any]], features: list[dict[str, Any]]) -> Any:
    """Raw values to the model's numbers, float32 [rows, features]; ValueError names a bad one."""
    codes = [{name: n for n, name in enumerate(one.get("categories") or ())} for one in features]
    matrix = np.empty((len(rows), len(features)), dtype=np.float32)
    for number, row in enumerate(rows):
        for column, (feature, value) in enumerate(zip(features, row)):
            kind = feature["type"]
            found = _coded(value, codes[column]) if kind == "category" else _number_of(value, kind)
            if found is None:
                raise ValueError(
                    f"row {number + 1}, column {feature['name']}: {value!r:.60} is not allowed;"
                    f" allowed: {ALLOWED[kind]}"
                )
            missing = math.isnan(found) and feature.get("fill") is not None
            matrix[number, column] = feature["fill"] if missing else found
    return matrix


def _coded(value: Any, codes: dict[str, int]) -> float | None:
    """A category's code; NaN, which is missing, for nothing and for what training never saw."""
    if isinstance(value, (list, dict)):
        return None
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return math.nan if value is None else codes.get(str(value).strip(), math.nan)


def _number_of(value: Any, kind: str) -> float | None:
    """A number, integer or boolean; NaN for a missing one, None for what is none of its kind."""
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return math.nan
    if kind == "boolean":
        word = value.lower() if isinstance(value, str) else value
        if isinstance(word, str):
            return 1.0 if word in TRUE else 0.0 if word in FALSE else None
        return float(word) if isinstance(word, (bool, int, float)) and word in (0, 1) else None
    if isinstance(value, str):
        if "_" in value or not value.isascii():  # float() takes 1_000 and other scripts' digits
            return None
        try:
            whole = kind == "integer" and re.fullmatch(r"[+-]?[0-9]+", value)
            value = int(value) if whole else float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and math.isnan(value):
        return math.nan
    if not -LARGEST <= value <= LARGEST:
        return None
    if kind == "integer":
        exact = isinstance(value, int) or (value.is_integer() and abs(value) < EXACT)
        if not exact or (isinstance(value, int) and value not in INTEGERS):
            return None
    return float(value)


def _rows(text: str, kind: str, names: list[str]) -> list[list[Any]]:
    if not text.strip():
        raise ValueError("the body is empty; send at least one row")
    rows: Any
    if kind == CSV:
        # Preprocessing reads every line end as one, inside quotes too.
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as fault:
            raise ValueError(f"the body is not CSV: {fault}") from None
        header = [cell.strip() for cell in rows[0]]
        if len(header) == len(names) and set(header) == set(names):
            rows = [dict(zip(header, row)) if len(row) == len(names) else row for row in rows[1:]]
            if not rows:
                raise ValueError("there is a header but no row after it")
    elif kind == JSON:
        body = _loaded(text, "the body")
        rows = body.get("instances") if isinstance(body, dict) else None
        if not isinstance(rows, list) or not rows:
            raise ValueError('the body must be a JSON object like {"instances": [{...}, ...]}')
    elif kind == JSON_LINES:
        lines = enumerate(text.rstrip("\n").split("\n"), start=1)
        rows = [_loaded(line, f"row {number}") for number, line in lines]
    else:
        raise _refused(415, f"content type {kind} is not one of {CSV}, {JSON}, {JSON_LINES}")
    return [_row(number, row, names) for number, row in enumerate(rows, start=1)]


def _loaded(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as fault:
        raise ValueError(f"{what} is not JSON: {fault}") from None


def _row(number: int, row: Any, names: list[str]) -> list[Any]:
    if isinstance(row, dict):
        unknown = [name for name in row if name not in names]
        if unknown:
            raise ValueError(
                f"row {number}: column {unknown[0]!r} is unknown; allowed: {', '.join(names)}"
            )
        return [row.get(name) for name in names]
    if not isinstance(row, list) or len(row) != len(names):
        raise ValueError(f"row {number} must have {len(names)} values: {', '.join(names)}")
    return row


def _predicted(model: Model, matrix: Any) -> Any:
    import xgboost

    types = model.booster.feature_types
    data = xgboost.DMatrix(matrix, feature_types=types, enable_categorical="c" in (types or []))
    predicted = model.booster.predict(data, validate_features=False)
    if model.classes and predicted.ndim == 1:  # one number for two classes: the second's chance
        return np.column_stack([1 - predicted, predicted])
    return predicted


def _written(predicted: Any, classes: list[str] | None, accept: str) -> str:
    # Through the shortest text that is exact: as 64-bit a 0.3 would read 0.30000001192092896.
    rows = predicted.reshape(len(predicted), -1).astype("U16").astype(np.float64).tolist()
    if classes:
        labels = [classes[index] for index in predicted.argmax(axis=1)]
    if accept == CSV:
        text = io.StringIO()
        table = [[label, *row] for label, row in zip(labels, rows)] if classes else rows
        csv.writer(text, lineterminator="\n").writerows(table)
        return text.getvalue().rstrip("\n")
    if classes:
        answers = [
            {"label": label, "probabilities": dict(zip(classes, row))}
            for label, row in zip(labels, rows)
        ]
    else:
        answers = [{"value": row[0] if len(row) == 1 else row} for row in rows]
    if accept == JSON:
        return json.dumps({"predictions": answers})
    return "\n".join(map(json.dumps, answers))


def _media_type(header: str | None) -> str:
    return (header or "").partition(";")[0].strip().lower()


def _refused(status: int, message: str) -> Exception:
    fault: Exception = BaseInferenceToolkitError(status, message, "refused")
    return fault
