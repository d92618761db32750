"""Faults of a settings file as sentences: file, key, value, what is allowed."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from stacks.errors import UserError
from stacks.settings.base import any_of
from stacks.settings.endpoints import Async, Components, Llm, Realtime, Serverless
from stacks.settings.project import Settings

KINDS: dict[str, type[BaseModel]] = {
    "realtime": Realtime,
    "serverless": Serverless,
    "async": Async,
    "components": Components,
    "llm": Llm,
}
TYPES = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


class SettingsError(UserError):
    """A settings file that cannot be used; its text is what the person who wrote it reads."""

    def __init__(self, file: Path, faults: Sequence[str]) -> None:
        self.file = file
        self.faults = list(faults)
        count = f"{len(self.faults)} problem{'s' if len(self.faults) != 1 else ''}"
        super().__init__("\n".join([f"{file}: {count}", *(f"  {f}" for f in self.faults)]))


def describe(details: Iterable[ErrorDetails]) -> list[str]:
    """One line per fault, without repeats, in the order of the file's keys."""
    lines = (_line(detail) for detail in details)
    return list(dict.fromkeys(lines))


def _line(detail: ErrorDetails) -> str:
    key = key_of(detail["loc"])
    kind, value = detail["type"], detail["input"]
    if kind == "missing":
        return f"{key}: missing; add it ({_what(detail['loc'])})"
    if kind == "extra_forbidden":
        return f"{key} = {_shown(value)}: unknown key{_hint(detail['loc'])}"
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        found = value.get("kind") if isinstance(value, Mapping) else None
        shown = "missing" if found is None else f"= {_shown(found)}"
        separator = "; " if found is None else ": "
        return f"{key}.kind {shown}{separator}must be {any_of([*KINDS])}".replace(
            ".kind missing", ".kind: missing"
        )
    context = detail.get("ctx", {})
    if kind == "refused" and (inner := context["key"]):
        beside = inner.startswith("^")
        key = f"{key.rpartition('.')[0] if beside else key}.{inner.removeprefix('^')}"
        value = context["value"]
    shown = key if value is None else f"{key} = {_shown(value)}"
    return f"{shown}: {_allowed(detail)}"


def key_of(location: Sequence[int | str]) -> str:
    """`endpoints.serverless.memory_mb`, without the union's arm that pydantic names as well."""
    parts = [str(part) for part in location if part != "[key]"]
    if parts[0] == "endpoints" and len(parts) > 2 and parts[2] in KINDS:
        del parts[2]
    # A union of plain types adds the arm's name, such as `str`.
    return ".".join(part for part in parts if part not in ("str", "int", "float", "bool"))


def _allowed(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "refused":
        return detail["msg"]
    if kind in TYPES:
        return f"must be {TYPES[kind]}"
    if kind in LIMITS:
        name, words = LIMITS[kind]
        return f"must be {words} {context[name]}"
    if kind == "literal_error":
        return f"must be {context['expected']}".replace("'", '"')
    if kind == "string_pattern_mismatch":
        return f"must be {_description(detail['loc']) or 'of the form ' + context['pattern']}"
    return detail["msg"][0].lower() + detail["msg"][1:]


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= 60 else text[:57] + "..."


def _hint(location: Sequence[int | str]) -> str:
    model = _model(location[:-1])
    if model is None:
        return ""
    name, known = str(location[-1]), sorted(model.model_fields)
    if model is Serverless and "instance" in name:
        return (
            ": a serverless endpoint has no instances and no GPU; set memory_mb and"
            ' max_concurrency, or use kind = "realtime"'
        )
    if reason := getattr(model, "REFUSED", {}).get(name):
        return f': {reason}; remove it, or use kind = "realtime"'
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known keys: {', '.join(known)}"


def _what(location: Sequence[int | str]) -> str:
    field = _field(location)
    if field is None:
        return "required"
    described = _description(location)
    choices = typing.get_args(field.annotation)
    if typing.get_origin(field.annotation) is typing.Literal:
        return any_of([f'"{choice}"' for choice in choices])
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"the table [{key_of(location)}]"
    return described or "required"


def _description(location: Sequence[int | str]) -> str | None:
    """What a field's annotation says is allowed, down through `X | None`, lists and keys."""
    field = _field([part for part in location if not isinstance(part, int)])
    if field is None:
        return None
    if "[key]" not in location and field.description:
        return str(field.description)
    return _described(field.annotation)


def _described(annotation: Any) -> str | None:
    for metadata in getattr(annotation, "__metadata__", ()):
        if getattr(metadata, "description", None):
            return str(metadata.description)
    return next(filter(None, map(_described, typing.get_args(annotation))), None)


def _field(location: Sequence[int | str]) -> Any:
    model = _model(location[:-1])
    if model is not None and location[-1] in model.model_fields:
        return model.model_fields[str(location[-1])]
    # An entry of a table, such as a column: the table's own field knows.
    return _field(location[:-1]) if len(location) > 1 else None


def _model(location: Sequence[int | str]) -> type[BaseModel] | None:
    """The model whose keys stand at `location`."""
    model: type[BaseModel] = Settings
    parts = [str(part) for part in location]
    while parts:
        name = parts.pop(0)
        if name == "endpoints" and len(parts) > 1:
            model, parts = KINDS[parts[1]], parts[2:]
            continue
        annotation = model.model_fields[name].annotation if name in model.model_fields else None
        if typing.get_origin(annotation) is dict and parts:
            parts.pop(0)  # a table of tables: the next word is a name, not a key
            annotation = typing.get_args(annotation)[1]
        inner = _model_of(annotation)
        if inner is None:
            return None
        model = inner
    return model


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next(filter(None, map(_model_of, typing.get_args(annotation))), None)
    return None
