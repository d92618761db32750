"""What SageMaker says of an endpoint now."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError

POLL_SECONDS = 5.0
SPARE_SECONDS = 30.0  # of the function's time, to answer in
NEWS = timedelta(seconds=30)
CHANGING = ("Creating", "Updating", "SystemUpdating", "RollingBack")
Endpoint = dict[str, Any]


def describe(name: str) -> Endpoint | None:
    """DescribeEndpoint's answer; None when there is no such endpoint."""
    try:
        found: Endpoint = boto3.client("sagemaker").describe_endpoint(EndpointName=name)
    except ClientError as fault:
        # SageMaker has no error of its own for this: ValidationException "Could not find ...".
        if "could not find" in fault.response["Error"].get("Message", "").lower():
            return None
        raise
    return found


def changed_lately(name: str) -> bool:
    """Whether somebody may still be at work on news of the endpoint's last change."""
    found = describe(name) or {}
    changed = found.get("LastModifiedTime")
    return changed is not None and datetime.now(UTC) - changed < NEWS


def settled(
    name: str, context: Any, *, enough: Callable[[Endpoint], bool] = lambda _: True
) -> Endpoint | None:
    """The endpoint once nothing changes it, and what is in service is `enough`; None without one.

    Where the function's time is over before, it is as it is then.
    """
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS
    while True:
        found = describe(name)
        if found is None or time.monotonic() > deadline:
            return found
        status = found["EndpointStatus"]
        if status not in CHANGING and (status != "InService" or enough(found)):
            return found
        time.sleep(POLL_SECONDS)


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
            if pools := sorted(one.get("InstancePools", []), key=lambda pool: pool["Priority"]):
                actual["InstanceType"] = ",".join(pool["InstanceType"] for pool in pools)
            return {key: str(actual.get(key, "")) for key in wanted}
    return {}
