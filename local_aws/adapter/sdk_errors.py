"""The names Step Functions gives to what an aws-sdk task's call refused.

It uses the Java SDK's exception classes: `SageMaker.ResourceInUseException` for an error the
service's model knows, `SageMaker.SageMakerException` for any other, such as a ValidationException.
"""

import json
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from local_aws.validation import service_model

_PREFIXES = {
    "sagemaker": "SageMaker",
    "cloudformation": "CloudFormation",
    "applicationautoscaling": "ApplicationAutoScaling",
}
_MODELS = {"applicationautoscaling": "application-autoscaling"}


def named(service: str) -> bool:
    """Whether errors of this aws-sdk service are named here, and not by ministack."""
    return service in _PREFIXES


def prefix(service: str) -> str:
    """What the errors of an aws-sdk service begin with."""
    return _PREFIXES.get(service, service.capitalize())


def sdk_error(service: str, status: int, body: bytes | str) -> tuple[str, str]:
    """Error and cause of a refused aws-sdk call, from the answer the service gave."""
    code, message = _code_and_message(body if isinstance(body, str) else body.decode())
    name = prefix(service)
    cause = f"{message} (Service: {name}, Status Code: {status})"
    return f"{name}.{_class_name(service, name, code)}", cause


def _class_name(service: str, fallback: str, code: str) -> str:
    for shape in service_model(_MODELS.get(service, service)).error_shapes:
        declared = shape.metadata.get("error", {}).get("code")
        if code in (shape.name, declared):
            base = shape.name.removesuffix("Fault").removesuffix("Exception")
            return f"{base}Exception"
    return f"{fallback}Exception"


def _code_and_message(text: str) -> tuple[str, str]:
    try:
        answer: Mapping[str, Any] = json.loads(text)
        code = str(answer.get("__type", "")).rpartition("#")[2]
        return code, str(answer.get("message") or answer.get("Message") or "")
    except ValueError:
        return _from_xml(text)


def _from_xml(text: str) -> tuple[str, str]:
    try:
        # Our own server's answer, not a document from outside.
        root = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError:
        return "", text
    found = {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}
    return found.get("Code", ""), found.get("Message", text)
