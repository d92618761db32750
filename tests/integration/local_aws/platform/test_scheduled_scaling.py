"""Scheduled actions of Application Auto Scaling, put, run and refused (API reference)."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.local_aws_server import LocalAws
from support.policies import wait_for


def _target(endpoint: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/primary",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


@pytest.fixture
def scaling(aws: LocalAws) -> Any:
    return aws.client("application-autoscaling")


@pytest.fixture
def endpoint(aws: LocalAws, scaling: Any, name: str) -> str:
    aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
    scaling.register_scalable_target(**_target(name), MinCapacity=1, MaxCapacity=5)
    return name


def _at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("at(%Y-%m-%dT%H:%M:%S)")


def test_an_action_sets_bounds_and_capacity_when_its_time_comes(
    scaling: Any, endpoint: str
) -> None:
    scaling.put_scheduled_action(
        **_target(endpoint),
        ScheduledActionName="morning",
        Schedule=_at(3),  # whole seconds: in two at the earliest
        ScalableTargetAction={"MinCapacity": 3},
    )
    (put,) = scaling.describe_scheduled_actions(**_target(endpoint))["ScheduledActions"]
    assert put["ScheduledActionARN"].endswith(":scheduledActionName/morning")
    assert put["ScalableTargetAction"] == {"MinCapacity": 3}

    (activity,) = wait_for(
        lambda: scaling.describe_scaling_activities(**_target(endpoint))["ScalingActivities"], bool
    )

    assert activity["Cause"] == "scheduled action name morning was triggered"
    assert activity["Description"] == "Setting desired capacity to 3."
    (target,) = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[_target(endpoint)["ResourceId"]]
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 5)


def test_cron_names_the_next_time_in_its_zone(scaling: Any, endpoint: str) -> None:
    scaling.put_scheduled_action(
        **_target(endpoint),
        ScheduledActionName="night",
        Schedule="cron(0 22 ? * MON-FRI *)",
        Timezone="Europe/Berlin",
        EndTime=time.time() + 86400,
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
    )
    (put,) = scaling.describe_scheduled_actions(**_target(endpoint))["ScheduledActions"]
    assert (put["Schedule"], put["Timezone"]) == ("cron(0 22 ? * MON-FRI *)", "Europe/Berlin")

    scaling.put_scheduled_action(
        **_target(endpoint), ScheduledActionName="night", Schedule="cron(0 21 ? * MON-FRI *)"
    )
    (changed,) = scaling.describe_scheduled_actions(**_target(endpoint))["ScheduledActions"]
    assert changed["ScheduledActionARN"] == put["ScheduledActionARN"]
    assert changed["ScalableTargetAction"] == put["ScalableTargetAction"]
    assert "EndTime" not in changed  # times that are not given again are forgotten

    scaling.delete_scheduled_action(**_target(endpoint), ScheduledActionName="night")
    assert scaling.describe_scheduled_actions(**_target(endpoint))["ScheduledActions"] == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Schedule": "cron(0 22 * * *)"}, "is no cron expression of six fields"),
        ({"Schedule": "tonight"}, "is none of at("),
        ({"Timezone": "Mars/Olympus"}, "Mars/Olympus is no time zone"),
        ({"ScalableTargetAction": {}}, "needs MinCapacity, MaxCapacity or both"),
        (
            {"ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}},
            "Maximum capacity cannot be less than minimum capacity",
        ),
        ({"ScalableTargetAction": {"MinCapacity": 0}}, "Minimum capacity must be 1 or more"),
        ({"ResourceId": "endpoint/nobody/variant/primary"}, "No scalable target registered"),
    ],
)
def test_refuses_an_action_that_could_never_run(
    scaling: Any, endpoint: str, change: dict[str, Any], reason: str
) -> None:
    good = {
        **_target(endpoint),
        "ScheduledActionName": "night",
        "Schedule": "rate(1 day)",
        "ScalableTargetAction": {"MinCapacity": 1},
    }
    scaling.put_scheduled_action(**good)

    with pytest.raises(ClientError) as caught:
        scaling.put_scheduled_action(**(good | change))

    assert reason in caught.value.response["Error"]["Message"]


def test_a_stack_schedules_and_unschedules(aws: LocalAws, scaling: Any, name: str) -> None:
    aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
    action = {
        "ScheduledActionName": "night",
        "Schedule": "cron(0 22 * * ? *)",
        "ScalableTargetAction": {"MinCapacity": "1", "MaxCapacity": "1"},
    }

    def template(*actions: dict[str, Any]) -> str:
        properties = {**_target(name), "MinCapacity": 1, "MaxCapacity": 3}
        kind = "AWS::ApplicationAutoScaling::ScalableTarget"
        target = {"Type": kind, "Properties": {**properties, "ScheduledActions": list(actions)}}
        return json.dumps({"Resources": {"Target": target}})

    def names() -> list[str]:
        found = scaling.describe_scheduled_actions(**_target(name))["ScheduledActions"]
        return [one["ScheduledActionName"] for one in found]

    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=template(action))
    wait_for(names, lambda found: found == ["night"])
    wait_for(
        lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"],
        lambda status: status == "CREATE_COMPLETE",
    )

    cloudformation.update_stack(
        StackName=name, TemplateBody=template(action | {"ScheduledActionName": "evening"})
    )

    wait_for(names, lambda found: found == ["evening"])
