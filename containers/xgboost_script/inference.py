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
SUPPORTED = (CSV, JSON, JSON_LINES)
ALIASES = {
    "application/x-jsonlines": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-ndjson": JSON_LINES,
    "application/csv": CSV,
}
CHARSETS = ("", "utf-8", "utf8", "us-ascii")
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
    kind, wanted = _content_type_of(content_type), _accept_of(accept)
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
            if math.isnan(found) and feature.get("required"):
                raise ValueError(
                    f"row {number + 1}, column {feature['name']}: {value!r:.60} is not allowed;"
                    " allowed: a known value"
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
    text = text[1:] if text.startswith("\ufeff") else text  # a byte order mark
    if not text.strip():
        raise ValueError("the body is empty; send at least one row")
    rows: Any
    if kind == CSV:
        rows = _csv_rows(text, names)
    elif kind == JSON:
        body = _loaded(text, "the body")
        if not isinstance(body, dict) or "instances" not in body:
            raise ValueError('the body must be a JSON object like {"instances": [{...}, ...]}')
        others = [name for name in body if name != "instances"]
        if others:
            raise ValueError(f"the body has unknown keys: {others!r:.200}; allowed: 'instances'")
        rows = body["instances"]
        if not isinstance(rows, list) or not rows:
            raise ValueError("instances must be a list with at least one row")
    else:
        text = text[:-1] if text.endswith("\n") else text
        lines = enumerate(text.split("\n"), start=1)
        rows = [_loaded(line, f"row {number}") for number, line in lines]
    return [_row(number, row, names) for number, row in enumerate(rows, start=1)]


def _csv_rows(text: str, names: list[str]) -> list[Any]:
    # Preprocessing reads every line end as one, inside quotes too.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\n" not in text.rstrip("\n"):
        text = text.rstrip("\n")
    try:
        rows: list[Any] = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as fault:
        raise ValueError(f"the body is not CSV: {fault}") from None
    header = [cell.strip() for cell in rows[0]]
    if len(header) == len(names) and set(header) == set(names):
        rows = [dict(zip(header, row)) if len(row) == len(names) else row for row in rows[1:]]
        if not rows:
            raise ValueError("there is a header but no row after it")
    elif sum(cell in names for cell in header) > len(names) / 2:
        raise ValueError(f"the header does not match; its columns must be {', '.join(names)}")
    elif len(names) == 1:  # one column, nothing in it: a missing value
        rows = [row or [""] for row in rows]
    return rows


def _loaded(text: str, what: str) -> Any:
    try:
        content = json.loads(text, parse_constant=_no_constant)
        if "\\ud" in text.lower():  # half a character, which no encoding can write, is no text
            json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as fault:
        raise ValueError(f"{what} is not JSON: {str(fault)[:200]}") from None
    return content


def _no_constant(name: str) -> None:
    raise ValueError(f"it has {name}")  # which Python's json reads, and JSON does not know


def _row(number: int, row: Any, names: list[str]) -> list[Any]:
    if isinstance(row, dict):
        unknown = [name for name in row if name not in names]
        if unknown:
            raise ValueError(
                f"row {number}: column {unknown[0]!r:.60} is unknown; allowed: {', '.join(names)}"
            )
        if not row:
            raise ValueError(f"row {number} has no columns; allowed: {', '.join(names)}")
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


def _content_type_of(header: str | None) -> str:
    """The format of a request; 415 with what is supported."""
    media_type, _, parameters = (header or "").lower().partition(";")
    kind = ALIASES.get(media_type.strip(), media_type.strip())
    if kind not in SUPPORTED:
        raise _refused(415, f"content type {kind:.100} is not one of {', '.join(SUPPORTED)}")
    charset = _parameters(parameters).get("charset", "").strip("\"'")
    if charset not in CHARSETS:
        raise _refused(415, f"charset {charset!r:.100} is not supported; send utf-8")
    return kind


def _accept_of(header: str | None) -> str:
    """The format to answer in, the client's best wish that can be met; 406 with what can be."""
    wishes: list[tuple[float, str]] = []
    for wish in (header or "*/*").lower().split(","):
        media_type, _, parameters = wish.partition(";")
        try:
            quality = float(_parameters(parameters).get("q", 1))
        except ValueError:
            quality = 0.0
        wishes.append((quality, media_type.strip()))
    for quality, media_type in sorted(wishes, key=lambda wish: -wish[0]):
        found = ALIASES.get(media_type, media_type)
        found = {"*/*": JSON, "application/*": JSON, "text/*": CSV}.get(found, found)
        if quality > 0 and found in SUPPORTED:
            return found
    raise _refused(406, f"accept {header:.100} is not one of {', '.join(SUPPORTED)}")


def _parameters(text: str) -> dict[str, str]:
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip(): value.strip() for name, _, value in parts}


def _refused(status: int, message: str) -> Exception:
    fault: Exception = BaseInferenceToolkitError(status, message, "refused")
    return fault
