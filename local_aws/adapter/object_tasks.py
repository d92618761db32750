"""`aws-sdk:s3:putObject` for state machines, which ministack does not have."""

import json
from typing import Any


def install() -> None:
    """A task may write an object; its Body is written as JSON, a text with its quotes."""
    from ministack.services import stepfunctions

    stepfunctions._REST_XML_OP_SPECS["s3"]["PutObject"] = {
        "method": "PUT",
        "path": "/{Bucket}/{Key+}",
        "body_field": "Body",
        "result_root": None,
        "header_outputs": {"etag": "ETag", "x-amz-version-id": "VersionId"},
    }
    dispatch, build = (
        stepfunctions._dispatch_aws_sdk_rest_xml,
        stepfunctions._rest_xml_build_body,
    )

    def dispatch_rest_xml(info: Any, service: str, action: str, given: Any) -> Any:
        if (service, action) == ("s3", "putObject") and given and "Body" in given:
            given = {**given, "Body": json.dumps(given["Body"])}
        return dispatch(info, service, action, given)

    def build_body(root: str, payload: Any, *rest: Any) -> Any:
        return payload.encode() if root == "Body" else build(root, payload, *rest)

    stepfunctions._dispatch_aws_sdk_rest_xml = dispatch_rest_xml
    stepfunctions._rest_xml_build_body = build_body
