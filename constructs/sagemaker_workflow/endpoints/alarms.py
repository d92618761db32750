"""The alarms of an endpoint: watched during a rollout, and every day after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from sagemaker_workflow.endpoints.limits import VARIANT

NAMESPACE = "AWS/SageMaker"


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmSpec:
    """One alarm: the metric, of the variant or the endpoint, and when it is too much."""

    id: str
    metric: str
    statistic: str
    threshold: float
    says: str
    minutes: int = 1
    per_variant: bool = True
    variant: str = VARIANT


def dimensions(
    endpoint_name: str, *, per_variant: bool = True, variant: str = VARIANT
) -> dict[str, str]:
    """What SageMaker publishes metrics under: an endpoint's variant, or the endpoint."""
    return {"EndpointName": endpoint_name, **({"VariantName": variant} if per_variant else {})}


def error_alarm(id_: str, metric: str, threshold: float, says: str) -> AlarmSpec:
    return AlarmSpec(id=id_, metric=metric, statistic="Sum", threshold=threshold, says=says)


def latency_alarm(milliseconds: float) -> AlarmSpec:
    """ModelLatency is in microseconds (contracts 3.5). Three minutes in a row: one slow minute is
    a garbage collection, three are a slower model."""
    return AlarmSpec(
        id="Latency",
        metric="ModelLatency",
        statistic="p99",
        threshold=milliseconds * 1000,
        says=f"one request in a hundred takes the model longer than {milliseconds:g} ms",
        minutes=3,
    )


def build_alarm(
    scope: Construct, spec: AlarmSpec, endpoint_name: str, topic: sns.ITopic | None
) -> cloudwatch.CfnAlarm:
    """The alarm exists; no data is fine, for nobody may be calling."""
    plain = spec.statistic in ("Sum", "Average", "Maximum", "Minimum", "SampleCount")
    actions: Sequence[str] | None = [topic.topic_arn] if topic else None
    return cloudwatch.CfnAlarm(
        scope,
        spec.id,
        alarm_description=f"{endpoint_name}: {spec.says}",
        namespace=NAMESPACE,
        metric_name=spec.metric,
        dimensions=[
            {"name": name, "value": value}  # of a class, each would be checked anew
            for name, value in dimensions(
                endpoint_name, per_variant=spec.per_variant, variant=spec.variant
            ).items()
        ],
        statistic=spec.statistic if plain else None,
        extended_statistic=None if plain else spec.statistic,
        period=60,
        evaluation_periods=spec.minutes,
        datapoints_to_alarm=spec.minutes,
        threshold=spec.threshold,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="notBreaching",
        alarm_actions=actions,
        ok_actions=actions,
    )
