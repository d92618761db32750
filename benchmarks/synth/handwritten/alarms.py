"""The three alarms that send an update back."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch


def build_alarms(stack: Stack, name: str) -> list[cloudwatch.CfnAlarm]:
    """Alarms of errors of the endpoint, errors of the model, and slowness."""
    return [
        _build_alarm(
            stack,
            "ServerErrors",
            name,
            "requests end in a 5xx error",
            metric="Invocation5XXErrors",
            minutes=1,
            threshold=5,
            statistic="Sum",
        ),
        _build_alarm(
            stack,
            "ModelErrors",
            name,
            "the container answers in error",
            metric="InvocationModelErrors",
            minutes=1,
            threshold=5,
            statistic="Sum",
        ),
        _build_alarm(
            stack,
            "Latency",
            name,
            "one request in a hundred takes the model longer than 5000 ms",
            metric="ModelLatency",
            minutes=3,
            threshold=5_000_000,
            extended_statistic="p99",
        ),
    ]


def _build_alarm(
    stack: Stack,
    id_: str,
    name: str,
    says: str,
    *,
    metric: str,
    minutes: int,
    threshold: float,
    statistic: str | None = None,
    extended_statistic: str | None = None,
) -> cloudwatch.CfnAlarm:
    return cloudwatch.CfnAlarm(
        stack,
        id_,
        alarm_description=f"{name}: {says}",
        namespace="AWS/SageMaker",
        metric_name=metric,
        dimensions=[
            cloudwatch.CfnAlarm.DimensionProperty(name="EndpointName", value=name),
            cloudwatch.CfnAlarm.DimensionProperty(name="VariantName", value="primary"),
        ],
        statistic=statistic,
        extended_statistic=extended_statistic,
        period=60,
        evaluation_periods=minutes,
        datapoints_to_alarm=minutes,
        threshold=threshold,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="notBreaching",
    )
