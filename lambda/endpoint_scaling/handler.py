"""Answer CloudFormation about one endpoint's scaling: registered with its policies, or not.

Two custom resources call this function with the same properties (see the construct
EndpointScaling): `StepAside` before the endpoint is updated and `Target` after. Everything here
can be done twice with the same outcome, for CloudFormation repeats itself.
"""

from __future__ import annotations

import json
import logging
import urllib.request
from typing import Any

import boto3
from botocore.exceptions import ClientError

log = logging.getLogger()
log.setLevel(logging.INFO)

Event = dict[str, Any]

DIMENSIONS = {
    "invocations": "sagemaker:variant:DesiredInstanceCount",
    "backlog": "sagemaker:variant:DesiredInstanceCount",
    "provisioned_concurrency": "sagemaker:variant:DesiredProvisionedConcurrency",
}
PREDEFINED = {
    "invocations": "SageMakerVariantInvocationsPerInstance",
    "provisioned_concurrency": "SageMakerVariantProvisionedConcurrencyUtilization",
}


def handler(event: Event, context: Any) -> None:
    """Do what was asked and tell CloudFormation, also when it went wrong."""
    properties = event["ResourceProperties"]
    physical_id = f"{properties['EndpointName']}/{properties['VariantName']}/{properties['Phase']}"
    try:
        done = _act(event["RequestType"], properties)
    # Without an answer the stack waits for an hour, so every fault is one.
    except Exception as fault:
        log.exception("could not act")
        where = f"log stream {getattr(context, 'log_stream_name', 'unknown')}"
        _answer(event, physical_id, status="FAILED", reason=f"{fault} ({where})")
    else:
        log.info("%s %s: %s", event["RequestType"], physical_id, done)
        _answer(event, physical_id, status="SUCCESS", reason=done)


def _act(request: str, properties: Event) -> str:
    before = properties["Phase"] == "StepAside"
    if request == "Delete":
        # The endpoint goes, or its scaling does; `Target` says so, and goes first.
        return "nothing to do" if before else _deregister(properties)
    if not before:
        return _register(properties)
    if request == "Create":
        return "nothing to do before the endpoint is there"
    actual = _actual_shape(properties)
    if actual is None:
        return "there is no endpoint yet"
    if actual != properties["Shape"]:
        return _deregister(properties)
    return _register(properties)


def _register(properties: Event) -> str:
    """The target with its bounds, its tracking policy and, from zero, the way to wake up."""
    scaling = boto3.client("application-autoscaling")
    target = _target(properties)
    scaling.register_scalable_target(
        **target,
        MinCapacity=int(float(properties["MinCapacity"])),
        MaxCapacity=int(float(properties["MaxCapacity"])),
    )
    scaling.put_scaling_policy(
        **target,
        PolicyName=_names(properties)["follow"],
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": float(properties["TargetValue"]),
            "ScaleInCooldown": int(float(properties["ScaleInCooldown"])),
            "ScaleOutCooldown": int(float(properties["ScaleOutCooldown"])),
            **_metric(properties),
        },
    )
    if properties["Follows"] == "backlog":
        _wake_from_zero(scaling, target, properties)
    return f"registered from {properties['MinCapacity']} to {properties['MaxCapacity']}"


def _wake_from_zero(scaling: Any, target: Event, properties: Event) -> None:
    """At zero instances there is no backlog per instance to track: one step up, on an alarm.

    The values are the service guide's ("Autoscale an asynchronous endpoint").
    """
    name = _names(properties)["wake"]
    policy = scaling.put_scaling_policy(
        **target,
        PolicyName=name,
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": 300,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        AlarmDescription=f"{properties['EndpointName']}: requests wait and no instance is there",
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=[{"Name": "EndpointName", "Value": properties["EndpointName"]}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        AlarmActions=[policy["PolicyARN"]],
    )


def _deregister(properties: Event) -> str:
    """No target, and with it no policy; no alarm of ours either."""
    scaling = boto3.client("application-autoscaling")
    try:
        scaling.deregister_scalable_target(**_target(properties))
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "ObjectNotFoundException":
            raise
    if properties["Follows"] == "backlog":
        # Deleting an alarm that is not there is no fault.
        boto3.client("cloudwatch").delete_alarms(AlarmNames=[_names(properties)["wake"]])
    return "deregistered"


def _actual_shape(properties: Event) -> dict[str, str] | None:
    """What the endpoint runs on now, in the keys of `Shape`; None when there is no endpoint."""
    sagemaker = boto3.client("sagemaker")
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=properties["EndpointName"])
        config = sagemaker.describe_endpoint_config(
            EndpointConfigName=endpoint["EndpointConfigName"]
        )
    except ClientError as fault:
        # SageMaker has no error of its own for this: ValidationException "Could not find ...".
        if "could not find" in fault.response["Error"].get("Message", "").lower():
            return None
        raise
    for variant in config["ProductionVariants"]:
        if variant["VariantName"] == properties["VariantName"]:
            actual = {**variant, **variant.get("ServerlessConfig", {})}
            return {name: str(actual.get(name, "")) for name in properties["Shape"]}
    return {}


def _metric(properties: Event) -> Event:
    follows = properties["Follows"]
    if follows in PREDEFINED:
        return {"PredefinedMetricSpecification": {"PredefinedMetricType": PREDEFINED[follows]}}
    return {
        "CustomizedMetricSpecification": {
            "Namespace": "AWS/SageMaker",
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Dimensions": [{"Name": "EndpointName", "Value": properties["EndpointName"]}],
            "Statistic": "Average",
        }
    }


def _target(properties: Event) -> Event:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{properties['EndpointName']}/variant/{properties['VariantName']}",
        "ScalableDimension": DIMENSIONS[properties["Follows"]],
    }


def _names(properties: Event) -> dict[str, str]:
    endpoint = properties["EndpointName"]
    return {
        "follow": f"{endpoint}-{properties['Follows'].replace('_', '-')}",
        "wake": f"{endpoint}-wake-from-zero",
    }


def _answer(event: Event, physical_id: str, *, status: str, reason: str) -> None:
    body = json.dumps(
        {
            "Status": status,
            "Reason": reason[:1000],
            "PhysicalResourceId": physical_id,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
        }
    ).encode()
    # A presigned URL of CloudFormation's own bucket; it was signed without a content type.
    request = urllib.request.Request(  # noqa: S310
        event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass
