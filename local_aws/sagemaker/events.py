"""What EventBridge hears of SageMaker (contracts.md 9.2)."""

import copy
import re
from datetime import UTC, datetime
from typing import Any

from local_aws import adapter
from local_aws.sagemaker import tags
from local_aws.sagemaker.store import Record


def job(kind: str, record: Record) -> None:
    """A training, transform or processing job changed its state."""
    arn = record[f"{kind}JobArn"]
    detail = {k: v for k, v in record.items() if v is not None} | {"Tags": tags.as_map(arn)}
    _put(f"SageMaker {kind} Job State Change", _times(detail, _epoch_ms), arn)


def model_package(record: Record) -> None:
    """A model package was made, approved, rejected or changed in any other way."""
    detail = {k: v for k, v in record.items() if v is not None}
    arn = record["ModelPackageArn"]
    _put("SageMaker Model Package State Change", _times(detail, _iso), arn)


def endpoint(record: Record) -> None:
    """An endpoint changed its status, which events spell IN_SERVICE, not InService."""
    detail = _endpoint(record) | {
        "ProductionVariants": [
            {"DesiredWeight": v["DesiredWeight"], "DesiredInstanceCount": v["DesiredInstanceCount"]}
            for v in record.get("ProductionVariants", [])
            if "DesiredInstanceCount" in v
        ],
    }
    _put("SageMaker Endpoint State Change", _times(detail, _epoch_ms), record["EndpointArn"])


def deployment(record: Record) -> None:
    """A deployment of an endpoint came to another stage, which each variant's status names."""
    detail = _endpoint(record)
    for member in ("ProductionVariants", "PendingDeploymentSummary"):
        if member in record:
            detail[member] = record[member]
    kind = "SageMaker Endpoint Deployment State Change"
    _put(kind, _times(detail, _epoch_ms), record["EndpointArn"])


def _endpoint(record: Record) -> dict[str, Any]:
    detail = {
        "EndpointName": record["EndpointName"],
        "EndpointArn": record["EndpointArn"],
        "EndpointConfigName": record["EndpointConfigName"],
        "EndpointStatus": re.sub(r"(?<=[a-z])(?=[A-Z])", "_", record["EndpointStatus"]).upper(),
        "CreationTime": record["CreationTime"],
        "LastModifiedTime": record["LastModifiedTime"],
        "Tags": tags.as_map(record["EndpointArn"]),
    }
    if record.get("FailureReason"):
        detail["FailureReason"] = record["FailureReason"]
    return detail


def _put(detail_type: str, detail: dict[str, Any], arn: str) -> None:
    adapter.put_event(detail_type, copy.deepcopy(detail), resources=[arn])


def _times(value: Any, convert: Any) -> Any:
    """The detail with each `...Time` member in the form this event uses."""
    if isinstance(value, dict):
        return {
            k: convert(v) if k.endswith("Time") and isinstance(v, float) else _times(v, convert)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [_times(item, convert) for item in value]
    return value


def _epoch_ms(seconds: float) -> float:
    return round(seconds * 1000)


def _iso(seconds: float) -> str:
    return (
        datetime.fromtimestamp(seconds, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
