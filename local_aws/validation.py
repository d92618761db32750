"""Requests checked against AWS's own service models, as the services check them.

The models are botocore's. A service answers a malformed request with one `ValidationException` that
lists every fault; so does `validate`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from local_aws.patterns import java_pattern

_KINDS: dict[str, Any] = {
    "structure": (Mapping,),
    "map": (Mapping,),
    "list": (list, tuple),
    "string": (str,),
    "character": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str, datetime),
    "blob": (str, bytes, bytearray),
}


class ValidationError(Exception):
    """A request the service refuses before it looks at anything; `faults` holds every reason."""

    code = "ValidationException"

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        count = len(self.faults)
        self.message = (
            f"{count} validation error{'s' if count > 1 else ''} detected: {'; '.join(self.faults)}"
        )
        super().__init__(self.message)


def validate(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Raise ValidationError naming every fault of the request; return quietly when there is none.

    `service` is botocore's name (`sagemaker`, `sagemaker-runtime`, `application-autoscaling`).
    """
    shape = service_model(service).operation_model(operation).input_shape
    if shape is None:
        return
    faults = list(_faults(shape, params, ""))
    if faults:
        raise ValidationError(faults)


def validate_shape(service: str, shape_name: str, value: object) -> None:
    """Raise ValidationError naming every fault of a value that should be the named shape."""
    faults = list(_faults(service_model(service).shape_for(shape_name), value, ""))
    if faults:
        raise ValidationError(faults)


def coerce(service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The request with scalars of the model's types.

    CloudFormation hands numbers and booleans over as strings (`"5"`, `"true"`). What cannot be
    converted is left alone, for `validate` to name.
    """
    shape = service_model(service).operation_model(operation).input_shape
    return dict(_coerced(shape, params)) if shape is not None else dict(params)


@cache
def service_model(service: str) -> ServiceModel:
    """Botocore's model of a service."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def _faults(shape: Shape, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return
    if not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield _fault(value, path, f"Member must be of type {kind}")
    elif isinstance(shape, StructureShape):
        yield from _structure_faults(shape, value, path)
    elif isinstance(shape, MapShape):
        yield from _size_faults(shape, len(value), value, path, "length")
        for key, item in value.items():
            yield from _faults(shape.key, key, _join(path, str(key)))
            yield from _faults(shape.value, item, _join(path, f"{key}.member"))
    elif isinstance(shape, ListShape):
        yield from _size_faults(shape, len(value), value, path, "length")
        for number, item in enumerate(value, start=1):
            yield from _faults(shape.member, item, _join(path, f"{number}.member"))
    elif kind in ("string", "character"):
        yield from _string_faults(shape, value, path)
    elif kind == "blob":
        yield from _size_faults(shape, len(value), value, path, "length")
    elif kind in ("integer", "long", "float", "double"):
        yield from _size_faults(shape, value, value, path, "value")


def _structure_faults(shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _fault(None, _join(path, _lower(name)), "Member must not be null")
    for name, item in value.items():
        if name not in shape.members:
            allowed = ", ".join(shape.members)
            yield _fault(name, path or "request", f"Member must be one of: [{allowed}]")
        elif item is not None:
            yield from _faults(shape.members[name], item, _join(path, _lower(name)))
    given = [name for name in value if name in shape.members and value[name] is not None]
    if getattr(shape, "is_tagged_union", False) and len(given) != 1:
        yield _fault(given, path, f"Member must have exactly one of: [{', '.join(shape.members)}]")


def _string_faults(shape: Shape, value: str, path: str) -> Iterator[str]:
    yield from _size_faults(shape, len(value), value, path, "length")
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        yield _fault(value, path, f"Member must satisfy enum value set: [{', '.join(enum)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not java_pattern(pattern).fullmatch(value):
        yield _fault(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _size_faults(shape: Shape, size: float, value: Any, path: str, what: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield _fault(value, path, f"Member must have {what} greater than or equal to {least}")
    if most is not None and size > most:
        yield _fault(value, path, f"Member must have {what} less than or equal to {most}")


def _fault(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{_shown(value)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _shown(value: Any) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes | bytearray) else str(value)
    return text if len(text) <= 256 else f"{text[:256]}..."  # a payload does not fit an error


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _coerced(shape: Shape, value: Any) -> Any:
    kind = shape.type_name
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        members = shape.members
        return {k: _coerced(members[k], v) if k in members else v for k, v in value.items()}
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {k: _coerced(shape.value, v) for k, v in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_coerced(shape.member, item) for item in value]
    return _coerced_scalar(kind, value)


def _coerced_scalar(kind: str, value: Any) -> Any:
    if kind in ("string", "character"):
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, int | float) else value
    if not isinstance(value, str):
        return value
    try:
        if kind in ("integer", "long"):
            return int(value)
        if kind in ("float", "double"):
            return float(value)
    except ValueError:
        return value
    if kind == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value
