"""What scaling, schedules and hours refuse, word for word."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from sagemaker_workflow.autoscaling import Metric, Schedule
from sagemaker_workflow.batch_transform import BatchTransform, TransformJob
from sagemaker_workflow.batch_transform import Schedule as Run
from sagemaker_workflow.endpoints import AsyncEndpoint, AsyncResults, Queues, Scaling
from sagemaker_workflow.schedules import ActiveHours, Hours

NIGHT = Schedule(at="cron(0 20 ? * MON-FRI *)", min_capacity=0, max_capacity=1)


def night(**different: Any) -> dict[str, Any]:
    kept = {"at": NIGHT.at, "min_capacity": 0, "max_capacity": 1, **different}
    return {"scaling": Scaling(schedules={"night": Schedule(**kept)})}


ASYNC: dict[str, tuple[dict[str, Any], str]] = {
    "a load of another kind": (
        {"scaling": Scaling(follows="invocations")},
        "scaling follows is 'invocations', allowed is one of backlog: the service publishes no "
        "other load of this kind; follow a Metric of your own",
    ),
    "a metric without a target": (
        {"scaling": Scaling(follows=Metric(namespace="Shop", name="Waiting"))},
        "scaling follows the metric 'Waiting' without a target: set target to what one unit of "
        "capacity should carry",
    ),
    "a metric of the service without dimensions": (
        {"scaling": Scaling(follows=Metric(namespace="AWS/SageMaker", name="X"), target=1)},
        "scaling follows 'X' of AWS/SageMaker without dimensions, which the service publishes "
        "nothing under: write EndpointName and VariantName",
    ),
    "a metric without a name": (
        {"scaling": Scaling(follows=Metric(namespace="Shop", name=""), target=1)},
        "scaling follows the metric 'Shop' '', allowed are a namespace and a name: write both as "
        "CloudWatch shows them",
    ),
    "a moment in words": (
        night(at="every evening"),
        "scaling schedule night at is 'every evening', allowed is cron(...) with six fields, "
        "rate(...) or at(...): write one like 'cron(0 20 ? * MON-FRI *)'",
    ),
    "a crontab's five fields": (
        night(at="cron(0 20 * * *)"),
        "scaling schedule night at is 'cron(0 20 * * *)' with 5 fields, allowed is one with six, "
        "minutes, hours, day of month, month, day of week, year: write one like "
        "'cron(0 20 ? * MON-FRI *)'",
    ),
    "both days": (
        night(at="cron(0 20 * * * *)"),
        "scaling schedule night at is 'cron(0 20 * * * *)', allowed is one '?', for the day of "
        "the month or for the day of the week: put it where the other one decides",
    ),
    "a time zone of nobody": (
        night(timezone="Europe/Berlim"),
        "scaling schedule night timezone is 'Europe/Berlim', allowed is an IANA time zone, near "
        "it is Europe/Berlin: write one like 'Europe/Berlin'",
    ),
    "a floor above its ceiling": (
        night(min_capacity=3, max_capacity=2),
        "scaling schedule night min_capacity is 3, allowed is at most its max_capacity, 2: lower "
        "it or raise max_capacity",
    ),
    "a ceiling of nothing": (
        night(max_capacity=0),
        "scaling schedule night max_capacity is 0, allowed is 1 to 1000: to stop it, give the "
        "endpoint hours",
    ),
    "a floor below nothing": (
        night(min_capacity=-1),
        "scaling schedule night min_capacity is -1, allowed is 0 to 1000: raise it",
    ),
    "a schedule whose name no action can have": (
        {"scaling": Scaling(schedules={"at night": NIGHT})},
        "'scaling schedule at night': its name is part of the action's, allowed are up to 63 "
        "letters, digits and inner hyphens: rename it",
    ),
    "a target of nothing": (
        {"scaling": Scaling(target=0)},
        "scaling target is 0, allowed is more than 0: raise it",
    ),
}


@pytest.mark.parametrize(("options", "says"), ASYNC.values(), ids=ASYNC)
def test_scaling_is_refused_with_what_to_change(
    given: Any, options: dict[str, Any], says: str
) -> None:
    results = AsyncResults(bucket=given.bucket, prefix="churn")
    with pytest.raises(ValueError, match="Test/") as refused:
        AsyncEndpoint(given.stack, "Churn", model=given.model(), results=results, **options)
    assert str(refused.value) == f"AsyncEndpoint Test/Churn: {says}"


RESULTS: dict[str, tuple[dict[str, Any], str]] = {
    "an age no request reaches": (
        {"max_age_seconds": 30000},
        "results max_age_seconds is 30000, allowed is 60 to 21600: requests expire after that",
    ),
    "messages nobody may take": (
        {"queues": Queues(max_receives=0)},
        "results queues max_receives is 0, allowed is 1 to 1000",
    ),
    "messages kept for too long": (
        {"queues": Queues(retention_days=15)},
        "results queues retention_days is 15, allowed is 1 to 14",
    ),
    "a taker who has too long": (
        {"queues": Queues(visibility_seconds=43201)},
        "results queues visibility_seconds is 43201, allowed is 0 to 43200",
    ),
}


@pytest.mark.parametrize(("options", "says"), RESULTS.values(), ids=RESULTS)
def test_results_are_refused_with_what_to_change(
    given: Any, options: dict[str, Any], says: str
) -> None:
    results = AsyncResults(bucket=given.bucket, prefix="churn", **options)
    with pytest.raises(ValueError, match="Test/") as refused:
        AsyncEndpoint(given.stack, "Churn", model=given.model(), results=results)
    assert says in str(refused.value)


HOURS: dict[str, tuple[Hours, str]] = {
    "one moment for both": (
        Hours(stop="rate(1 day)", start="rate(1 day)"),
        "hours start and stop are both 'rate(1 day)', allowed are two moments: change one",
    ),
    "a rate of the wrong number": (
        Hours(stop="rate(1 days)"),
        "hours stop is 'rate(1 days)', allowed is cron(...) with six fields, rate(...) or "
        "at(...): write one like 'cron(0 20 ? * MON-FRI *)'",
    ),
}


@pytest.mark.parametrize(("hours", "says"), HOURS.values(), ids=HOURS)
def test_hours_are_refused_with_what_to_change(given: Any, hours: Hours, says: str) -> None:
    key = kms.Key(given.stack, "Mine")
    with pytest.raises(ValueError, match="Test/") as refused:
        ActiveHours(given.stack, "Hours", hours=hours, topic=sns.Topic(given.stack, "T"), key=key)
    assert str(refused.value) == f"ActiveHours Test/Hours: {says}"


RUNS: dict[str, tuple[Run, str]] = {
    "a run at no moment": (
        Run(at="daily"),
        "schedule at is 'daily', allowed is cron(...) with six fields, rate(...) or at(...): "
        "write one like 'cron(0 20 ? * MON-FRI *)'",
    ),
    "a run of no object": (
        Run(at="rate(1 day)", given="[]"),
        "schedule given is '[]', allowed is a JSON object: write '{}' for the job as it is",
    ),
}


@pytest.mark.parametrize(("schedule", "says"), RUNS.values(), ids=RUNS)
def test_a_scheduled_run_is_refused_with_what_to_change(
    given: Any, schedule: Run, says: str
) -> None:
    job = TransformJob(input=(given.bucket, "in/"), output=(given.bucket, "out/"))
    with pytest.raises(ValueError, match="Test/") as refused:
        BatchTransform(given.stack, "Batch", model=given.model(), job=job, schedule=schedule)
    assert str(refused.value) == f"BatchTransform Test/Batch: {says}"


def test_manifests_among_the_data_are_refused(given: Any) -> None:
    job = TransformJob(
        input=(given.bucket, "in/"),
        output=(given.bucket, "out/"),
        manifests=(given.bucket, "in/manifests/"),
    )
    with pytest.raises(ValueError, match="Test/") as refused:
        BatchTransform(given.stack, "Batch", model=given.model(), job=job)
    assert str(refused.value) == (
        "BatchTransform Test/Batch: manifests prefix 'in/manifests/' is inside the input prefix "
        "'in/', whose every object is data: choose one outside, like 'batch/manifests/'"
    )
