"""What Application Auto Scaling accepts for SageMaker: contracts.md, section 3.5."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from local_aws.autoscaling.errors import invalid

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"

_VARIANT = re.compile(r"endpoint/(?P<endpoint>[^/]+)/variant/(?P<variant>[^/]+)")
_COMPONENT = re.compile(r"inference-component/(?P<component>[^/]+)")
_RESOURCES = {INSTANCES: _VARIANT, CONCURRENCY: _VARIANT, COPIES: _COMPONENT}


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """The CloudWatch metric behind a predefined one; `period` in seconds."""

    name: str
    statistic: str
    dimension: str
    period: int = 60


PREDEFINED = {
    "SageMakerVariantInvocationsPerInstance": Metric(
        name="InvocationsPerInstance", statistic="Sum", dimension=INSTANCES
    ),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": Metric(
        name="ConcurrentRequestsPerModel", statistic="Maximum", dimension=INSTANCES, period=10
    ),
    "SageMakerVariantProvisionedConcurrencyUtilization": Metric(
        name="ServerlessProvisionedConcurrencyUtilization",
        statistic="Maximum",
        dimension=CONCURRENCY,
    ),
    "SageMakerInferenceComponentInvocationsPerCopy": Metric(
        name="InvocationsPerCopy", statistic="Sum", dimension=COPIES
    ),
    "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": Metric(
        name="ConcurrentRequestsPerCopy", statistic="Maximum", dimension=COPIES, period=10
    ),
}


def parts(resource_id: str, dimension: str) -> dict[str, str]:
    """`endpoint` and `variant`, or `component`; raises when id and dimension do not belong."""
    pattern = _RESOURCES.get(dimension)
    found = pattern.fullmatch(resource_id) if pattern else None
    if found is None:
        raise invalid("Unsupported service namespace, resource type or scalable dimension")
    return found.groupdict()


def metric_dimensions(resource_id: str, dimension: str) -> dict[str, str]:
    """The CloudWatch dimensions of the target's own metrics."""
    found = parts(resource_id, dimension)
    if dimension == COPIES:
        return {"InferenceComponentName": found["component"]}
    return {"EndpointName": found["endpoint"], "VariantName": found["variant"]}


def check_namespace(request: Mapping[str, Any]) -> None:
    """Refuse what is no SageMaker resource: nothing else scales here."""
    namespace = request.get("ServiceNamespace")
    if namespace != "sagemaker":
        raise invalid(f"The local AWS scales SageMaker only, not service namespace: {namespace}")


def check_policy(kind: str, configurations: Mapping[str, Any], dimension: str) -> None:
    """Refuse a policy whose type and configuration do not belong together or to the target."""
    if kind == "PredictiveScaling":
        raise invalid("PredictiveScaling policies are not supported for this service namespace")
    step = configurations.get("StepScalingPolicyConfiguration")
    tracking = configurations.get("TargetTrackingScalingPolicyConfiguration")
    if kind == "StepScaling":
        if step is None or tracking is not None:
            raise invalid("StepScaling policies take a StepScalingPolicyConfiguration and no other")
        _check_steps(step)
    else:
        if tracking is None or step is not None:
            raise invalid(
                "TargetTrackingScaling policies take a TargetTrackingScalingPolicyConfiguration "
                "and no other"
            )
        _check_tracking(tracking, dimension)


def _check_tracking(tracking: Mapping[str, Any], dimension: str) -> None:
    predefined = tracking.get("PredefinedMetricSpecification")
    customized = tracking.get("CustomizedMetricSpecification")
    if (predefined is None) == (customized is None):
        raise invalid("Specify either a predefined or a customized metric specification")
    if tracking["TargetValue"] <= 0:
        raise invalid("Target value must be greater than zero")
    if predefined is not None:
        name = predefined["PredefinedMetricType"]
        metric = PREDEFINED.get(name)
        if metric is None or metric.dimension != dimension:
            raise invalid(
                f"Predefined metric type {name} is not supported for service namespace: "
                f"sagemaker, scalable dimension: {dimension}"
            )
    elif customized is not None and not (customized.get("Metrics") or customized.get("MetricName")):
        raise invalid("A customized metric specification names a metric or holds Metrics")


def _check_steps(step: Mapping[str, Any]) -> None:
    adjustments = step.get("StepAdjustments") or []
    if "AdjustmentType" not in step or not adjustments:
        raise invalid("StepScaling policies need an AdjustmentType and StepAdjustments")
    bounds = sorted(
        (
            adjustment.get("MetricIntervalLowerBound", float("-inf")),
            adjustment.get("MetricIntervalUpperBound", float("inf")),
        )
        for adjustment in adjustments
    )
    if any(lower >= upper for lower, upper in bounds):
        raise invalid("A step's lower bound must be less than its upper bound")
    for (_, upper), (lower, _) in pairwise(bounds):
        if lower < upper:
            raise invalid("Step adjustment intervals must not overlap")
        if lower > upper:
            raise invalid("There must be no gap between step adjustment intervals")
