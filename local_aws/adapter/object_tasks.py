"""`aws-sdk:s3:putObject` and `getObject` for state machines, which ministack does not have."""

import contextvars
import json
from typing import Any

# The bodies of a task that reads an object.
_bodies: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("bodies", default=None)


def install() -> None:
    """A task may write an object, and read one.

    A Body is written as JSON, a text with its quotes; one that is read is a text.
    """
    from ministack import app
    from ministack.services import stepfunctions

    versions = {"etag": "ETag", "x-amz-version-id": "VersionId"}
    stepfunctions._REST_XML_OP_SPECS["s3"]["GetObject"] = {
        "method": "GET",
        "path": "/{Bucket}/{Key+}",
        "query_params": {"VersionId": "versionId"},
        "result_root": None,
        "header_outputs": {**versions, "content-length": "ContentLength"},
    }
    stepfunctions._REST_XML_OP_SPECS["s3"]["PutObject"] = {
        "method": "PUT",
        "path": "/{Bucket}/{Key+}",
        "body_field": "Body",
        "result_root": None,
        "header_outputs": versions,
    }
    dispatch, build = (
        stepfunctions._dispatch_aws_sdk_rest_xml,
        stepfunctions._rest_xml_build_body,
    )

    def dispatch_rest_xml(info: Any, service: str, action: str, given: Any) -> Any:
        if (service, action) == ("s3", "putObject") and given and "Body" in given:
            given = {**given, "Body": json.dumps(given["Body"])}
        if (service, action) == ("s3", "getObject"):
            return _read(lambda: dispatch(info, service, action, given))
        return dispatch(info, service, action, given)

    call = app.call_service_handler_sync

    def call_service_handler_sync(*asked: Any, **named: Any) -> Any:
        status, headers, body = call(*asked, **named)
        bodies = _bodies.get()
        if bodies is None or status >= 400:
            return status, headers, body
        bodies.append(body.decode(errors="replace") if isinstance(body, bytes) else body)
        return status, headers, b""  # ministack would read it as XML

    def build_body(root: str, payload: Any, *rest: Any) -> Any:
        return payload.encode() if root == "Body" else build(root, payload, *rest)

    stepfunctions._dispatch_aws_sdk_rest_xml = dispatch_rest_xml
    stepfunctions._rest_xml_build_body = build_body
    app.call_service_handler_sync = call_service_handler_sync


def _read(ask: Any) -> dict[str, Any]:
    bodies: list[str] = []
    token = _bodies.set(bodies)
    try:
        found: dict[str, Any] = ask()
    finally:
        _bodies.reset(token)
    return {**found, "Body": bodies[0]}
