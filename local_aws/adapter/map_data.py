"""What goes into a Distributed Map state and comes out: its fields, items and exported results.

Step Functions Developer Guide, "ItemReader (Map)", "ItemSelector (Map)" and "ResultWriter (Map)".
"""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local_aws.adapter.credentials import client

_SESSION = "StepFunctions"


@dataclass(frozen=True, slots=True)
class Values:
    """A state's fields, evaluated in its query language against its input."""

    state: dict[str, Any]
    raw_input: Any
    effective: Any
    ctx: dict[str, Any]

    @property
    def jsonata(self) -> bool:
        """Whether fields are JSONata; JSONPath otherwise."""
        from ministack.services import stepfunctions

        return bool(stepfunctions._state_query_language(self.state, self.ctx) == "JSONata")

    def of(self, template: Any, ctx: dict[str, Any] | None = None) -> Any:
        """The template with its expressions replaced by their values."""
        from ministack.services import stepfunctions

        if self.jsonata:
            return stepfunctions._apply_jsonata_template(template, self.raw_input, ctx or self.ctx)
        return stepfunctions._resolve_params_obj(template, self.effective, ctx or self.ctx)

    def number(self, field: str) -> float | None:
        """A field that is a number, an expression of one, or a path to one; None without it."""
        from ministack.services import stepfunctions

        if field in self.state and self.jsonata:
            return float(
                stepfunctions._jsonata_state_field(
                    self.state, field, "number", self.raw_input, self.ctx
                )
            )
        if field in self.state:
            return float(self.state[field])
        path = self.state.get(f"{field}Path")
        return float(stepfunctions._resolve_path(path, self.effective)) if path else None

    def item(self, index: int, item: Any) -> Any:
        """What the item's child is given."""
        selector = self.state.get("ItemSelector") or self.state.get("Parameters")
        return self.of(selector, self._with_item(self.ctx, index, item)) if selector else item

    def child_context(self, child: dict[str, Any], index: int, item: Any) -> dict[str, Any]:
        """The context of a child execution, which sees none of the parent's variables."""
        own = {
            **self.ctx,
            "Execution": {
                "Id": child["executionArn"],
                "Input": json.loads(child["input"]),
                "Name": child["name"],
                "StartTime": child["startDate"],
            },
            "StateMachine": {"Id": child["stateMachineArn"], "Name": child["stateMachineArn"]},
            "variables": {},
        }
        return self._with_item(own, index, item)

    def ended(self, result: Any) -> tuple[Any, Any]:
        """The state's output and its next state."""
        from ministack.services import stepfunctions

        state, ctx, given = self.state, self.ctx, self.raw_input
        after = stepfunctions._next_or_end(state)
        if self.jsonata:
            output = stepfunctions._apply_jsonata_output(
                state, given, ctx, result=result, default=result
            )
            stepfunctions._apply_state_assign(state, given, ctx, result=result)
            return output, after
        selected = stepfunctions._apply_result_selector(state, result)
        output = stepfunctions._apply_result_path(state, given, selected)
        return stepfunctions._apply_output_path(state, output, ctx), after

    @staticmethod
    def _with_item(ctx: dict[str, Any], index: int, item: Any) -> dict[str, Any]:
        made = copy.deepcopy(ctx)
        made["Map"] = {"Item": {"Index": index, "Value": item}}
        return made


def read(values: Values, role_arn: str) -> Any:
    """The state's items: from S3 with the machine's role, else from its input."""
    from ministack.services import stepfunctions

    reader = values.state.get("ItemReader")
    if reader is None and values.jsonata and "Items" in values.state:
        return values.of(values.state["Items"])
    if reader is None:
        path = values.state.get("ItemsPath", "$")
        return stepfunctions._resolve_path_or_ctx(path, values.effective, values.ctx)
    given = values.of(reader.get("Arguments") or reader.get("Parameters") or {})
    config = values.of(reader.get("ReaderConfig") or {})
    try:
        if str(reader["Resource"]).endswith(":s3:listObjectsV2"):
            items = _listed(given, role_arn)
        else:
            s3 = client("s3", role_arn=role_arn, session_name=_SESSION)
            body = s3.get_object(Bucket=given["Bucket"], Key=given["Key"])["Body"].read()
            items = stepfunctions._parse_reader_items(body.decode(), config)
    except ClientError as refused:
        raise stepfunctions._ExecutionError("States.ItemReaderFailed", str(refused)) from None
    return items[: int(config["MaxItems"])] if config.get("MaxItems") else items


def _listed(given: dict[str, Any], role_arn: str) -> list[dict[str, Any]]:
    pages = client("s3", role_arn=role_arn, session_name=_SESSION).get_paginator("list_objects_v2")
    return [
        {
            "Etag": one["ETag"],
            "Key": one["Key"],
            "LastModified": int(one["LastModified"].timestamp()),
            "Size": one["Size"],
            "StorageClass": one.get("StorageClass", "STANDARD"),
        }
        for page in pages.paginate(Bucket=given["Bucket"], Prefix=given.get("Prefix", ""))
        for one in page.get("Contents", [])
    ]


def write(
    values: Values, role_arn: str, map_run: str, children: Sequence[dict[str, Any]]
) -> dict[str, Any] | None:
    """Export the children by how they ended and return where; None when the state does not ask."""
    writer = values.state.get("ResultWriter")
    if writer is None:
        return None
    given = values.of(writer.get("Arguments") or writer.get("Parameters") or {})
    bucket = given["Bucket"]
    folder = f"{given.get('Prefix', '').rstrip('/')}/{map_run.rpartition(':')[2]}".lstrip("/")
    s3 = client("s3", role_arn=role_arn, session_name=_SESSION)

    def put(name: str, content: Any) -> dict[str, Any]:
        key, body = f"{folder}/{name}", json.dumps(content).encode()
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
        return {"Key": key, "Size": len(body)}

    files: dict[str, list[dict[str, Any]]] = {}
    for status in ("FAILED", "PENDING", "SUCCEEDED"):
        ended = [_exported(child) for child in children if child["status"] == status]
        files[status] = [put(f"{status}_0.json", ended)] if ended else []
    manifest = {"DestinationBucket": bucket, "MapRunArn": map_run, "ResultFiles": files}
    written = put("manifest.json", manifest)
    return {
        "MapRunArn": map_run,
        "ResultWriterDetails": {"Bucket": bucket, "Key": written["Key"]},
    }


def _exported(child: dict[str, Any]) -> dict[str, Any]:
    members = (
        *("executionArn", "input", "inputDetails", "name", "output", "outputDetails"),
        *("startDate", "stateMachineArn", "status", "stopDate", "error", "cause"),
    )
    found = {one[0].upper() + one[1:]: child[one] for one in members if child.get(one) is not None}
    for details in ("InputDetails", "OutputDetails"):
        if details in found:
            found[details] = {"Included": True}
    return found
