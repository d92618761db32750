"""A response held against the output shape of its operation, more strictly than any client."""

from typing import Any

from local_aws.validation import service_model


def require_shape(service: str, operation: str, body: dict[str, Any]) -> None:
    """Fail on an unknown, missing or ill-typed member; clients would ignore or choke on it."""
    shape = service_model(service).operation_model(operation).output_shape
    if shape is None:
        assert body == {}, f"{operation} answers nothing, got {body}"
    else:
        _require(shape, body, operation)


def _require(shape: Any, value: Any, path: str) -> None:
    kind = shape.type_name
    if kind == "structure":
        assert isinstance(value, dict), path
        unknown, missing = set(value) - set(shape.members), set(shape.required_members) - set(value)
        assert not unknown, f"{path} has unknown members {unknown}"
        assert not missing, f"{path} lacks {missing}"
        for name, member in value.items():
            _require(shape.members[name], member, f"{path}.{name}")
    elif kind == "list":
        for number, item in enumerate(value):
            _require(shape.member, item, f"{path}[{number}]")
    elif kind == "map":
        for key, item in value.items():
            _require(shape.value, item, f"{path}.{key}")
    elif kind == "timestamp":
        assert isinstance(value, int | float), f"{path} is an epoch number, got {value!r}"
    elif kind in ("integer", "long"):
        assert type(value) is int, path
    elif kind == "boolean":
        assert type(value) is bool, path
    elif kind in ("float", "double"):
        assert isinstance(value, int | float), path
    else:
        assert isinstance(value, str), f"{path} is text, got {value!r}"
        allowed = shape.metadata.get("enum")
        assert not allowed or value in allowed, f"{path} is one of {allowed}, got {value}"
