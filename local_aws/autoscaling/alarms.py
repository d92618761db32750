"""The CloudWatch alarms a target tracking policy keeps, as the service makes them."""

import uuid
from typing import Any

from local_aws import adapter
from local_aws.autoscaling.rules import PREDEFINED, metric_dimensions
from local_aws.autoscaling.store import Policy, Target

_HIGH_PERIODS = 3  # of the metric's period: out within minutes, or half of one at 10 seconds
_LOW_SECONDS = 900  # in reluctantly, whatever the period: 15 of a minute, 90 of 10 seconds
_LOW_SHARE = 0.9  # scale in only when clearly below the target


def replace(target: Target, policy: Policy) -> None:
    """The policy's alarms are what its configuration asks for, and no others."""
    remove(policy)
    if policy.kind != "TargetTrackingScaling":
        return  # the alarms of step policies belong to whoever wrote the policy
    value = float(policy.configuration["TargetValue"])
    wanted = [("AlarmHigh", "GreaterThanThreshold", value, _HIGH_PERIODS)]
    low_periods = _LOW_SECONDS // _metric(target, policy.configuration).get("Period", 60)
    if not policy.configuration.get("DisableScaleIn", False):
        wanted.append(("AlarmLow", "LessThanThreshold", value * _LOW_SHARE, low_periods))
    for label, comparison, threshold, periods in wanted:
        policy.alarms.append(_put(target, policy, label, comparison, threshold, periods))


def remove(policy: Policy) -> None:
    """No alarm of the policy is left."""
    names = [alarm["AlarmName"] for alarm in policy.alarms]
    if names:
        adapter.client("cloudwatch").delete_alarms(AlarmNames=names)
    policy.alarms.clear()


def _put(
    target: Target, policy: Policy, label: str, comparison: str, threshold: float, periods: int
) -> dict[str, str]:
    cloudwatch = adapter.client("cloudwatch")
    name = f"TargetTracking-{target.resource_id}-{label}-{uuid.uuid4()}"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        AlarmDescription=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
        AlarmActions=[policy.arn],
        ComparisonOperator=comparison,
        Threshold=threshold,
        EvaluationPeriods=periods,
        **_metric(target, policy.configuration),
    )
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return {"AlarmName": name, "AlarmARN": alarm["AlarmArn"]}


def _metric(target: Target, configuration: dict[str, Any]) -> dict[str, Any]:
    predefined = configuration.get("PredefinedMetricSpecification")
    if predefined:
        metric = PREDEFINED[predefined["PredefinedMetricType"]]
        dimensions = metric_dimensions(target.resource_id, target.dimension)
        return {
            "Namespace": "AWS/SageMaker",
            "MetricName": metric.name,
            "Statistic": metric.statistic,
            "Period": metric.period,
            "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
        }
    custom = configuration["CustomizedMetricSpecification"]
    if custom.get("Metrics"):
        return {"Metrics": [_query(query) for query in custom["Metrics"]]}
    return {
        "Namespace": custom["Namespace"],
        "MetricName": custom["MetricName"],
        "Statistic": custom.get("Statistic", "Average"),
        "Period": 60,
        "Dimensions": custom.get("Dimensions", []),
        **({"Unit": custom["Unit"]} if custom.get("Unit") else {}),
    }


def _query(query: dict[str, Any]) -> dict[str, Any]:
    """A metric query as CloudWatch takes it: with a period, which scaling policies leave out."""
    stat = query.get("MetricStat")
    return {**query, "MetricStat": {"Period": 60, **stat}} if stat else {**query, "Period": 60}
