"""What SageMaker says of an endpoint now."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import ClientError


def describe(name: str) -> dict[str, Any] | None:
    """DescribeEndpoint's answer; None when there is no such endpoint."""
    try:
        found: dict[str, Any] = boto3.client("sagemaker").describe_endpoint(EndpointName=name)
    except ClientError as fault:
        # SageMaker has no error of its own for this: ValidationException "Could not find ...".
        if "could not find" in fault.response["Error"].get("Message", "").lower():
            return None
        raise
    return found


def shape(name: str, variant: str, wanted: dict[str, str]) -> dict[str, str] | None:
    """What the variant runs on now, in the keys of `wanted`; None when there is no endpoint."""
    endpoint = describe(name)
    if endpoint is None:
        return None
    config = boto3.client("sagemaker").describe_endpoint_config(
        EndpointConfigName=endpoint["EndpointConfigName"]
    )
    for one in config["ProductionVariants"]:
        if one["VariantName"] == variant:
            actual = {**one, **one.get("ServerlessConfig", {})}
            return {key: str(actual.get(key, "")) for key in wanted}
    return {}
